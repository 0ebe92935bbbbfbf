// go-containerregistry's registry, in memory, with the API for referrers of OCI 1.1, which the registry of its command crane has not. The
// argument is the address to listen on.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: oci-registry ADDRESS")
	}
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	log.Fatal(http.ListenAndServe(os.Args[1], registry.New(registry.WithReferrersSupport(true), quiet)))
}
