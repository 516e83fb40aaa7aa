package load

import (
	"encoding/json"
	"errors"
	"io"
)

// Ask is one line to a program with peers: open an engine anew in a folder, run
// it for a slice of time, or close it.
type Ask struct {
	Do      string  `json:"do"` // "open", "run" or "close"
	Engine  string  `json:"engine"`
	Dir     string  `json:"dir,omitempty"`     // open: an empty folder
	Seed    uint64  `json:"seed,omitempty"`    // open: of the entries
	Payload int     `json:"payload,omitempty"` // open: bytes
	Follow  bool    `json:"follow,omitempty"`  // open: keys follow their stream
	Writers int     `json:"writers,omitempty"` // open
	Batch   int     `json:"batch,omitempty"`   // open
	Seconds float64 `json:"seconds,omitempty"` // run
}

// Answer is the line that answers an [Ask].
type Answer struct {
	Version string `json:"version,omitempty"` // open: of the engine's module
	Sample  Sample `json:"sample"`            // run
	Bytes   int64  `json:"bytes,omitempty"`   // close: of all files the engine has left
	Error   string `json:"error,omitempty"`   // what went wrong; the rest is then empty
}

// Serve answers the lines of r on w, in order, until r ends.
func Serve(r io.Reader, w io.Writer, answer func(Ask) (Answer, error)) error {
	asks, answers := json.NewDecoder(r), json.NewEncoder(w)
	for {
		var ask Ask
		switch err := asks.Decode(&ask); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		a, err := answer(ask)
		if err != nil {
			a = Answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// Client asks a program that serves.
type Client struct {
	asks    *json.Encoder
	answers *json.Decoder
}

// NewClient writes lines to w and reads the answers from r.
func NewClient(w io.Writer, r io.Reader) *Client {
	return &Client{asks: json.NewEncoder(w), answers: json.NewDecoder(r)}
}

// Ask returns the answer to a line. An answer that is an error is returned as
// one. It is for one goroutine at a time.
func (c *Client) Ask(ask Ask) (Answer, error) {
	if err := c.asks.Encode(ask); err != nil {
		return Answer{}, err
	}
	var a Answer
	if err := c.answers.Decode(&a); err != nil {
		return Answer{}, err
	}
	if a.Error != "" {
		return Answer{}, errors.New(a.Error)
	}
	return a, nil
}
