package tiles

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// HandlerOptions are the choices of [Handler]. A nil *HandlerOptions is the zero
// value.
type HandlerOptions struct {
	// Checkpoint returns the checkpoint that is published now; nothing beyond its
	// size is served. It must be one of the log's, and its size must not shrink
	// from call to call. It is called for requests of the checkpoint, and for
	// those of tiles beyond the size it returned last. Default: the log's newest,
	// which has it signed on demand.
	Checkpoint func(context.Context) ([]byte, error)
}

// Handler serves the paths of c2sp.org/tlog-tiles straight from a log, which it
// reads for each request. Mount it with http.StripPrefix where the log's prefix
// has a path. It answers GET and HEAD only.
//
// Full tiles and bundles are marked as immutable for a year; partial ones, whose
// content does not change either but which a folder may drop, for an hour; the
// checkpoint is not to be cached. Every width of a partial file that the published
// tree covers is served, so clients that hold an older checkpoint find theirs.
//
// A path that is none, or beyond the published tree, is answered with 404; a log
// that fails, with 500 and no reason.
func Handler(log Source, o *HandlerOptions) http.Handler {
	if o == nil {
		o = &HandlerOptions{}
	}
	h := &handler{log: log, published: o.Checkpoint}
	if h.published == nil {
		h.published = log.Checkpoint
	}
	return h
}

type handler struct {
	log       Source
	published func(context.Context) ([]byte, error)

	mu   sync.Mutex
	size uint64 // of the largest checkpoint that was published
}

const (
	forYear = "public, max-age=31536000, immutable"
	forHour = "public, max-age=3600"
)

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == "checkpoint" {
		h.checkpoint(w, r)
		return
	}
	t, ok := parsePath(path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	h.tile(w, r, t)
}

func (h *handler) checkpoint(w http.ResponseWriter, r *http.Request) {
	signed, _, err := h.refresh(r.Context())
	if err != nil {
		fail(w)
		return
	}
	answer(w, "text/plain; charset=utf-8", "no-store", signed)
}

func (h *handler) tile(w http.ResponseWriter, r *http.Request, t tile) {
	h.mu.Lock()
	size := h.size
	h.mu.Unlock()
	if !t.within(size) {
		var err error
		if _, size, err = h.refresh(r.Context()); err != nil {
			fail(w)
			return
		}
	}
	if !t.within(size) {
		http.NotFound(w, r)
		return
	}
	data, err := h.data(r.Context(), t)
	if err != nil {
		fail(w)
		return
	}
	cache := forYear
	if t.w < Width {
		cache = forHour
	}
	answer(w, "application/octet-stream", cache, data)
}

func (h *handler) data(ctx context.Context, t tile) ([]byte, error) {
	if t.level < 0 {
		return bundleData(ctx, h.log, t)
	}
	return tileData(h.log, t)
}

// refresh asks for the published checkpoint and remembers its size. The size it
// returns is the largest there was, for what was public stays so.
func (h *handler) refresh(ctx context.Context) ([]byte, uint64, error) {
	signed, err := h.published(ctx)
	if err != nil {
		return nil, 0, err
	}
	c, err := checkpoint.Peek(signed)
	if err != nil {
		return nil, 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.size = max(h.size, c.Size)
	return signed, h.size, nil
}

func answer(w http.ResponseWriter, kind, cache string, data []byte) {
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", cache)
	header.Set("Content-Length", strconv.Itoa(len(data)))
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data) // a client that has gone is no concern
}

func fail(w http.ResponseWriter) {
	http.Error(w, "log does not answer", http.StatusInternalServerError)
}
