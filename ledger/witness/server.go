package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// Server is a witness: an http.Handler for POST …/add-checkpoint. It may be used
// by any number of goroutines. One server at a time uses a store, or the store
// must compare and set for all of them.
type Server struct {
	cosigner *checkpoint.Cosigner
	store    Store

	mu   sync.RWMutex
	logs map[string][]note.Verifier // by origin
}

// NewServer makes a witness with a secret key ([GenerateKey]), a store of the
// checkpoints it has cosigned, and the public keys of the logs it knows. Several
// keys of one name are one log, whose checkpoints any of them may sign. Errors:
// [ErrKey], [ErrMissing] for no store.
func NewServer(skey string, store Store, logs ...string) (*Server, error) {
	c, err := checkpoint.NewCosigner(skey)
	if err != nil {
		return nil, ErrKey
	}
	if store == nil {
		return nil, fmt.Errorf("%w: store", ErrMissing)
	}
	s := &Server{cosigner: c, store: store, logs: map[string][]note.Verifier{}}
	return s, s.Know(logs...)
}

// Know adds keys of logs, old or new: a rotated key of a log is known beside the
// earlier ones. Error: [ErrKey].
func (s *Server) Know(logs ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, vkey := range logs {
		v, err := checkpoint.NewVerifier(vkey)
		if err != nil {
			return ErrKey
		}
		s.logs[v.Name()] = append(s.logs[v.Name()], v)
	}
	return nil
}

// VerifierKey returns the witness's public key.
func (s *Server) VerifierKey() string { return s.cosigner.Key().String() }

// ServeHTTP answers add-checkpoint calls as c2sp.org/tlog-witness says: 404 for an
// unknown log, 403 for one whose signature does not verify, 400 for what is not of
// the form, 409 with the size it has where the caller believed another or the roots
// differ, 422 for a proof that does not verify, 500 where the store fails, and 200
// with its signature line once the checkpoint is in the store. It reads at most
// [MaxBody] bytes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/add-checkpoint") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		http.Error(w, "body cannot be read or is too large", http.StatusBadRequest)
		return
	}
	line, refusal := s.add(r, body)
	if refusal != nil {
		refusal.write(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, line) // a client that has gone asks again
}

// refusal is an answer that is no cosignature.
type refusal struct {
	status int
	text   string
	size   uint64 // of a conflict
}

func (f *refusal) write(w http.ResponseWriter) {
	if f.status != http.StatusConflict {
		http.Error(w, f.text, f.status)
		return
	}
	w.Header().Set("Content-Type", "text/x.tlog.size")
	w.WriteHeader(f.status)
	_, _ = fmt.Fprintf(w, "%d\n", f.size)
}

// add decides about one checkpoint, in the order of the specification.
func (s *Server) add(r *http.Request, body []byte) (line string, no *refusal) {
	req, err := parseRequest(body)
	if err != nil {
		return "", &refusal{status: http.StatusBadRequest, text: err.Error()}
	}
	now, no := s.open(req.signed)
	if no != nil {
		return "", no
	}
	if req.old > now.Size {
		return "", &refusal{status: http.StatusBadRequest, text: "old size is above the checkpoint's"}
	}
	kept, err := s.store.Latest(r.Context(), now.Origin)
	if err != nil {
		return "", &refusal{status: http.StatusInternalServerError, text: "store does not answer"}
	}
	var old checkpoint.Checkpoint
	if kept != nil {
		if old, err = checkpoint.Peek(kept); err != nil || old.Origin != now.Origin {
			return "", &refusal{status: http.StatusInternalServerError, text: "store is damaged"}
		}
	}
	switch {
	case old.Size != req.old, kept != nil && old.Size == now.Size && old.Root != now.Root:
		return "", &refusal{status: http.StatusConflict, size: old.Size}
	case !extends(old, now, req.proof):
		return "", &refusal{status: http.StatusUnprocessableEntity, text: "consistency proof does not verify"}
	}
	return s.cosign(r, kept, req.signed, now)
}

// open finds the log and verifies its signature.
func (s *Server) open(signed []byte) (checkpoint.Checkpoint, *refusal) {
	now, err := checkpoint.Peek(signed)
	if err != nil {
		return now, &refusal{status: http.StatusBadRequest, text: err.Error()}
	}
	s.mu.RLock()
	known := s.logs[now.Origin]
	s.mu.RUnlock()
	if len(known) == 0 {
		return now, &refusal{status: http.StatusNotFound, text: "log is unknown"}
	}
	now, _, err = checkpoint.Open(signed, known...)
	_, unverified := errors.AsType[*note.UnverifiedNoteError](err)
	_, invalid := errors.AsType[*note.InvalidSignatureError](err)
	switch {
	case unverified || invalid:
		return now, &refusal{status: http.StatusForbidden, text: "no signature of a known key"}
	case err != nil:
		return now, &refusal{status: http.StatusBadRequest, text: err.Error()}
	}
	return now, nil
}

// cosign remembers the checkpoint, then signs it.
func (s *Server) cosign(r *http.Request, kept, signed []byte, now checkpoint.Checkpoint) (string, *refusal) {
	err := s.store.Replace(r.Context(), now.Origin, kept, signed)
	if errors.Is(err, ErrStore) {
		return "", s.overtaken(r, now.Origin)
	}
	if err != nil {
		return "", &refusal{status: http.StatusInternalServerError, text: "store does not answer"}
	}
	return s.cosigner.Cosign(now.Text(), time.Now()), nil
}

// overtaken answers a request that another one was quicker than.
func (s *Server) overtaken(r *http.Request, origin string) *refusal {
	kept, err := s.store.Latest(r.Context(), origin)
	if err == nil && kept != nil {
		if c, err := checkpoint.Peek(kept); err == nil {
			return &refusal{status: http.StatusConflict, size: c.Size}
		}
	}
	return &refusal{status: http.StatusInternalServerError, text: "store does not answer"}
}
