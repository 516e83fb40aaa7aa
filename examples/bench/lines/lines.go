// Package lines is how a benchmark talks to a program that runs other people's
// software for it: a question is a line of JSON on the program's standard
// input, its answer a line on its standard output.
package lines

import (
	"encoding/json"
	"errors"
	"io"
)

// envelope is the line that answers: what went wrong, or what there is to say.
type envelope[A any] struct {
	Error  string `json:"error,omitempty"`
	Answer *A     `json:"answer,omitempty"`
}

// Serve answers the lines of r on w, in order, until r ends. It returns what
// could not be read or written, and no error of answer.
func Serve[Q, A any](r io.Reader, w io.Writer, answer func(Q) (A, error)) error {
	questions, answers := json.NewDecoder(r), json.NewEncoder(w)
	for {
		var q Q
		switch err := questions.Decode(&q); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		var e envelope[A]
		if a, err := answer(q); err != nil {
			e.Error = err.Error()
		} else {
			e.Answer = &a
		}
		if err := answers.Encode(e); err != nil {
			return err
		}
	}
}

// Client asks a program that serves. It is for one goroutine at a time.
type Client[Q, A any] struct {
	questions *json.Encoder
	answers   *json.Decoder
}

// NewClient writes questions to w and reads the answers from r.
func NewClient[Q, A any](w io.Writer, r io.Reader) *Client[Q, A] {
	return &Client[Q, A]{questions: json.NewEncoder(w), answers: json.NewDecoder(r)}
}

// Ask returns the answer to a question. One that went wrong is an error, as is
// a program that does not answer.
func (c *Client[Q, A]) Ask(q Q) (a A, err error) {
	if err := c.questions.Encode(q); err != nil {
		return a, err
	}
	var e envelope[A]
	if err := c.answers.Decode(&e); err != nil {
		return a, err
	}
	switch {
	case e.Error != "":
		return a, errors.New(e.Error)
	case e.Answer == nil:
		return a, errors.New("lines: an answer without content")
	}
	return *e.Answer, nil
}
