// goregistry serves an empty OCI registry in memory, for tests.
//
// It prints "listening HOST:PORT" on standard output once it accepts connections, and serves until it is killed.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/google/go-containerregistry/pkg/registry"
)

func handler(kind string) (http.Handler, error) {
	switch kind {
	case "cue":
		return ociserver.New(ocimem.New(), nil), nil
	case "ggcr":
		quiet := log.New(io.Discard, "", 0)
		return registry.New(registry.Logger(quiet), registry.WithReferrersSupport(true)), nil
	}
	return nil, fmt.Errorf("unknown kind %q: want cue or ggcr", kind)
}

func main() {
	kind := flag.String("kind", "cue", "which registry: cue or ggcr")
	address := flag.String("addr", "127.0.0.1:0", "where to listen; port 0 is any free port")
	flag.Parse()
	serve, err := handler(*kind)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stdout, "listening %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, serve))
}
