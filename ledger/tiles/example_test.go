package tiles_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
)

// A log is written as static files, which anybody reads back with the log's
// public key alone.
func ExampleExport() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	for i := range 300 {
		log.Append(ctx, ledger.Append{Stream: "offer/7f3", Type: "offer.changed", Key: fmt.Sprint(i), Payload: []byte("never shown")})
	}
	dir, err := os.MkdirTemp("", "tiles")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := tiles.Export(ctx, log, dir, nil); err != nil {
		panic(err)
	}

	folder, err := tiles.Open(os.DirFS(dir), log.VerifierKey())
	fmt.Println(folder.Origin(), folder.Size(), err)
	fmt.Println(folder.Verify(ctx, nil))
	proof, err := tlog.ProveRecord(300, 17, folder)
	fmt.Println(len(proof), err)
	// Output:
	// market.example/log 300 <nil>
	// <nil>
	// 9 <nil>
}

// The same files are served straight from the log.
func ExampleHandler() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Append(ctx, ledger.Append{Stream: "offer/7f3", Type: "offer.published", Key: "1"})

	handler := tiles.Handler(log, nil)
	for _, path := range []string{"/tile/entries/000.p/1", "/tile/entries/000.p/2"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 200 application/octet-stream
	// 404 text/plain; charset=utf-8
}
