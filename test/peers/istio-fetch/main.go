// What Istio's agent does with the URL of a WasmPlugin that begins with oci://: its own fetcher, without the agent around it. The
// argument is the reference without oci://. One document of JSON comes out: digests as 64 hexadecimal digits, or why it is refused.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/wasm"
)

type answer struct {
	// Of the manifest: what a WasmPlugin's sha256 is compared with.
	Manifest string `json:"manifest,omitempty"`
	// Of the module that the proxy would load.
	Module string `json:"module,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: istio-fetch HOST/REPOSITORY:TAG")
		os.Exit(2)
	}
	// It logs to the standard output otherwise, which is for the answer.
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	if err := log.Configure(options); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(fetch(os.Args[1])); err != nil {
		panic(err)
	}
}

func fetch(reference string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	// The agent looks whether the variable names the registry; here there is one only.
	insecure := os.Getenv("WASM_INSECURE_REGISTRIES") != ""
	fetcher := wasm.NewImageFetcher(ctx, wasm.ImageFetcherOption{Insecure: insecure})
	binary, manifest, err := fetcher.PrepareFetch(reference)
	if err != nil {
		return answer{Error: err.Error()}
	}
	module, err := binary()
	if err != nil {
		return answer{Manifest: manifest, Error: err.Error()}
	}
	sum := sha256.Sum256(module)
	return answer{Manifest: manifest, Module: hex.EncodeToString(sum[:]), Bytes: len(module)}
}
