package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
)

// exporting are the flags of export.
type exporting struct{ unsynced bool }

func exportFlags(c *call) {
	c.BoolVar(&c.exporting.unsynced, "unsynced", false, "leave the syncs out: faster, and not safe against a loss of power")
}

// exported is what export prints with -json.
type exported struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	VKey   string `json:"vkey"`
}

// export writes the folder that outsiders may have.
func export(ctx context.Context, c *call) error {
	if c.Words[0] != "tiles" {
		return cli.Usagef("export writes tiles, not %q", c.Words[0])
	}
	if err := apart(c.Words[1], c.dir); err != nil {
		return err
	}
	return c.withSigned(ctx, func(log *ledger.Log, signed []byte) error {
		b := c.bar("export")
		err := tiles.Export(ctx, log, c.Words[1], &tiles.ExportOptions{Checkpoint: signed, Progress: b.progress, Unsynced: c.exporting.unsynced})
		b.end()
		if err != nil {
			return err
		}
		return c.print(exported{log.Name(), log.Size(), log.VerifierKey()}, "%d entries of %s", log.Size(), log.Name())
	})
}

// apart refuses to write what outsiders may have where the log keeps its secrets.
func apart(out, dir string) error {
	out, dir = resolved(out), resolved(dir)
	found, err := holdsLog(out)
	if err != nil {
		return cli.Usage(fmt.Errorf("OUT: %w", err))
	}
	if in, err := filepath.Rel(dir, out); found || err == nil && filepath.IsLocal(in) {
		return cli.Usagef("OUT lies in the folder of a log, beside its secrets")
	}
	return nil
}

// resolved is an absolute path without links, as far as it is there.
func resolved(path string) string {
	path, _ = filepath.Abs(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// serving are the flags of serve.
type serving struct{ addr string }

func serveFlags(c *call) {
	c.StringVar(&c.serving.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one")
}

// served is what serve prints with -json once it listens.
type served struct {
	URL  string `json:"url"`
	Size uint64 `json:"size"`
	VKey string `json:"vkey"`
}

// serve serves what the log holds now until the context ends.
func serve(ctx context.Context, c *call) error {
	return c.withSigned(ctx, func(log *ledger.Log, signed []byte) error {
		published := func(context.Context) ([]byte, error) { return signed, nil }
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.serving.addr)
		if err != nil {
			return cli.Usage(fmt.Errorf("-addr: %w", err))
		}
		server := &http.Server{
			Handler:           tiles.Handler(log, &tiles.HandlerOptions{Checkpoint: published}),
			ReadHeaderTimeout: 10 * time.Second,
		}
		url := "http://" + listener.Addr().String() + "/"
		if err := c.print(served{url, log.Size(), log.VerifierKey()}, "serving %d entries on %s", log.Size(), url); err != nil {
			return errors.Join(err, listener.Close())
		}
		return serveUntil(ctx, server, listener)
	})
}

// serveUntil serves and, when the context ends, lets requests finish.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
