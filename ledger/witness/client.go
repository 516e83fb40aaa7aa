package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// RefusedError is a witness's no. It unwraps to [ErrUnknownLog] (404),
// [ErrSignature] (403), [ErrInconsistent] (422, and 409 where the sizes are
// equal), or [ErrAnswer] (anything else).
type RefusedError struct {
	Witness string // name of its key
	Status  int    // of HTTP
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("witness: %s refuses: %d %s", e.Witness, e.Status, http.StatusText(e.Status))
}

// Unwrap returns the sentinel of the status.
func (e *RefusedError) Unwrap() error {
	switch e.Status {
	case http.StatusNotFound:
		return ErrUnknownLog
	case http.StatusForbidden:
		return ErrSignature
	case http.StatusUnprocessableEntity, http.StatusConflict:
		return ErrInconsistent
	}
	return ErrAnswer
}

// AheadError: the witness has cosigned a larger tree of this log than the one it
// is asked about. Either the checkpoint is an old one, or the log has lost
// entries. It unwraps to [ErrInconsistent].
type AheadError struct {
	Witness    string
	Size, Have uint64 // of the checkpoint; of the witness's
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("witness: %s has seen %d entries of the log, the checkpoint has %d", e.Witness, e.Have, e.Size)
}

// Unwrap returns [ErrInconsistent].
func (e *AheadError) Unwrap() error { return ErrInconsistent }

// Prover makes the consistency proof from a size of a log's tree to that of the
// checkpoint that is to be cosigned (RFC 6962, section 2.1.2). It is called with
// sizes from 1 to that one, at most.
type Prover func(ctx context.Context, from uint64) ([]tlog.Hash, error)

// Client asks one witness. It may be used by any number of goroutines. It
// remembers the size the witness cosigned last of each log, so that in the usual
// case one request is enough.
type Client struct {
	http  *http.Client
	url   string
	key   note.Verifier
	vkey  string
	mu    sync.Mutex
	sizes map[string]uint64 // origin -> what the witness has
}

// NewClient makes the client of a witness from its submission prefix (an
// absolute http or https URL) and its public key. hc carries the requests, with
// whatever proxies, certificates and time limits the caller gave it; there is no
// default one. Errors: [ErrKey], [ErrMissing] for none, [ErrAnswer] for the URL.
func NewClient(hc *http.Client, prefix, vkey string) (*Client, error) {
	v, err := verifierOf(vkey)
	if err != nil {
		return nil, err
	}
	if hc == nil {
		return nil, fmt.Errorf("%w: HTTP client", ErrMissing)
	}
	u, err := url.Parse(prefix)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%w: no http URL", ErrAnswer)
	}
	return &Client{http: hc, url: u.JoinPath("add-checkpoint").String(), key: v, vkey: vkey, sizes: map[string]uint64{}}, nil
}

// Name returns the name of the witness's key.
func (c *Client) Name() string { return c.key.Name() }

// VerifierKey returns the public key the client was made with.
func (c *Client) VerifierKey() string { return c.vkey }

// Cosign asks the witness to cosign a checkpoint and returns its signature line,
// verified, to be added to the checkpoint ([ledger.Log.Cosign] does it). It sends
// the proof from the size it believes the witness has; where the witness answers
// that it has another, it sends a second request with the proof from there, and
// where somebody else was quicker, a third. An answer is read up to [MaxBody]
// bytes; how long it may take is the context's matter.
//
// Errors: [RefusedError], [AheadError], [ErrCheckpoint] for a checkpoint that does
// not parse, [ErrAnswer] also for a signature that does not verify, and those of
// prove, the context and the HTTP client.
//
// [ledger.Log.Cosign]: https://pkg.go.dev/github.com/deeperpoint/csss/ledger#Log.Cosign
func (c *Client) Cosign(ctx context.Context, signed []byte, prove func(ctx context.Context, from uint64) ([]tlog.Hash, error)) (string, error) {
	head, err := checkpoint.Peek(signed)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	// Less than known, where the checkpoint is: the witness says whether it is ahead.
	have := min(c.known(head.Origin), head.Size)
	for range 3 {
		answer, status, err := c.ask(ctx, have, signed, prove)
		if err != nil {
			return "", err
		}
		if status == http.StatusOK {
			return c.accept(head, signed, answer)
		}
		if status != http.StatusConflict {
			return "", &RefusedError{Witness: c.Name(), Status: status}
		}
		size, err := parseSize(strings.TrimSuffix(string(answer), "\n"))
		switch {
		case err != nil || !bytes.HasSuffix(answer, []byte("\n")):
			return "", fmt.Errorf("%w: size of a conflict", ErrAnswer)
		case size > head.Size:
			return "", &AheadError{Witness: c.Name(), Size: head.Size, Have: size}
		case size == have: // the same size, so another root
			return "", &RefusedError{Witness: c.Name(), Status: status}
		}
		have = size
	}
	return "", fmt.Errorf("%w: its size changes with every request", ErrAnswer)
}

func (c *Client) known(origin string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sizes[origin]
}

// ask sends one request.
func (c *Client) ask(ctx context.Context, old uint64, signed []byte, prove Prover) ([]byte, int, error) {
	r := request{old: old, signed: signed}
	head, _ := checkpoint.Peek(signed)
	if old > 0 && old < head.Size {
		var err error
		if r.proof, err = prove(ctx, old); err != nil {
			return nil, 0, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(r.encode()))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, err
	}
	// A longer answer is cut here, and is then too long for a note.
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, 0, err
	}
	return answer, resp.StatusCode, nil
}

// accept picks the witness's own line out of its answer and verifies it.
func (c *Client) accept(head checkpoint.Checkpoint, signed, answer []byte) (string, error) {
	both, err := checkpoint.Merge(signed, string(answer))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	_, n, err := checkpoint.Open(both, c.key)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes[head.Origin] = max(c.sizes[head.Origin], head.Size)
	return fmt.Sprintf("— %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64), nil
}
