#!/bin/bash
# cloud-init user data for Debian 12 instances, the same text for every one of them: each builds idetcd,
# claims a name and answers DNS for all. Replace REPOSITORY, ETCDENDPOINTS and NUMBER first.
set -euxo pipefail

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates git
git clone --depth 1 REPOSITORY /usr/local/src/idetcd
cd /usr/local/src/idetcd
tests/install_packages.sh build
cmake --preset release -DIDETCD_BUILD_TESTS=OFF
cmake --build --preset release
cmake --install build/release --prefix /usr/local

mkdir -p /etc/idetcd
cat > /etc/idetcd/Corefile <<'COREFILE'
. {
    idetcd {
        endpoint ETCDENDPOINTS
        limit NUMBER
        pattern worker{{.ID}}.tf.local.
    }
}
COREFILE
cp examples/idetcd-resolver.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now idetcd-resolver
