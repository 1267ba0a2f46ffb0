#include "wire/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>

namespace idetcd::resolver {
namespace {

// 2 and 4 rounds are OpenSSL's default.
class Mac {
 public:
  Mac() {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr),
                                                                      EVP_MAC_free);
    if (algorithm) context_.reset(EVP_MAC_CTX_new(algorithm.get()));  // holds the algorithm
  }

  bool compute(const std::array<std::uint8_t, 16>& key, std::span<const std::byte> data,
               std::array<std::byte, 8>& out) noexcept {
    std::size_t size = out.size();
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                               OSSL_PARAM_construct_end()};
    return context_ != nullptr && EVP_MAC_init(context_.get(), key.data(), key.size(), parameters.data()) == 1 &&
           EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1 &&
           EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(out.data()), &size, out.size()) == 1;
  }

 private:
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_{nullptr, EVP_MAC_CTX_free};
};

}  // namespace

std::optional<std::array<std::byte, 8>> siphash24(const std::array<std::uint8_t, 16>& key,
                                                  std::span<const std::byte> data) noexcept {
  thread_local Mac mac;
  std::array<std::byte, 8> hash{};
  if (!mac.compute(key, data, hash)) return std::nullopt;
  return hash;
}

}  // namespace idetcd::resolver
