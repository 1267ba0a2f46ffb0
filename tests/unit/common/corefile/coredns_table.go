// Writes coredns_table.inc: Corefiles and what the parser of CoreDNS makes of them.
//
//	cp coredns_table.* FOLDER && cd FOLDER && go mod init table && go get github.com/coredns/caddy@v1.1.4
//	go run coredns_table.go > coredns_table.inc
//
// The one that is kept was written with Caddy v1.1.4 and the directives of CoreDNS 1.11.3 and idetcd.
// coredns_table.txt has the Corefiles: "=== NAME", then the text; "--- REASON" ends one that we
// do not read as CoreDNS does, on purpose. <CR>, <BOM>, <NBSP> and <BAD> are bytes that cannot be seen.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

var directives = strings.Fields(`root metadata geoip cancel tls timeouts reload nsid bufsize bind debug trace ready
health pprof prometheus errors log dnstap local dns64 acl any chaos loadbalance tsig cache rewrite header dnssec
autopath minimal template transfer hosts route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop
forward grpc erratic whoami on sign view idetcd`)

// As the test that reads the table has them.
var variables = map[string]string{
	"ETCD": "http://10.0.0.1:2379", "PORT": "1053", "EMPTY": "", "TWO": "a b", "DIRECTIVE": "errors", "ZONE": "tf.local",
	"FILE": "one.conf", "INNER": "{$PORT}", "BRACE": "{",
}

var files = map[string]string{
	"one.conf":     "errors\n",
	"two.conf":     "log\nwhoami\n",
	"server.conf":  "example.org {\n    whoami\n}\n",
	"options.conf": "limit 5\npath /a/\n",
	"nested.conf":  "import one.conf\nany\n",
	"empty.conf":   "# nothing\n",
	"loop.conf":    "import loop.conf\n",
	"a.part":       "nsid a\n",
	"b.part":       "debug\n",
	"keys.conf":    "tf.local\n",
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			b.WriteString("\\n")
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// "[key|key] directive: word|word; directive: word" for each block; words of all of a directive together.
func describe(blocks []caddyfile.ServerBlock) string {
	var b strings.Builder
	for _, block := range blocks {
		fmt.Fprintf(&b, "[%s]", strings.Join(block.Keys, "|"))
		var names []string
		for name := range block.Tokens {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			var words []string
			for _, token := range block.Tokens[name] {
				words = append(words, token.Text)
			}
			fmt.Fprintf(&b, " %s: %s;", name, strings.Join(words, "|"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func main() {
	text, err := os.ReadFile("coredns_table.txt")
	if err != nil {
		panic(err)
	}
	folder, _ := os.MkdirTemp("", "table")
	defer os.RemoveAll(folder)
	for name, content := range files {
		os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644)
	}
	for name, value := range variables {
		os.Setenv(name, value)
	}
	fmt.Println("// Written by coredns_table.go; do not edit. {name, Corefile, what CoreDNS reads or its error, accepted by it, why we refuse}")
	for _, entry := range bytes.Split(text, []byte("=== "))[1:] {
		name, corefile, _ := strings.Cut(string(entry), "\n")
		corefile, reason, _ := strings.Cut(corefile, "--- ")
		corefile = strings.NewReplacer("<CR>", "\r", "<BOM>", "\ufeff", "<NBSP>", "\u00a0", "<BAD>", "\xff", "<END>\n", "").Replace(corefile)
		blocks, err := caddyfile.Parse(filepath.Join(folder, "Corefile"), strings.NewReader(corefile), directives)
		read := describe(blocks)
		if err != nil {
			read = strings.ReplaceAll(err.Error(), folder+"/", "")
		}
		fmt.Printf("{%s, %s, %s, %v, %s},\n", quote(name), quote(corefile), quote(read), err == nil, quote(strings.TrimSpace(reason)))
	}
}
