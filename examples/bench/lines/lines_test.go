package lines_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/lines"
)

type question struct{ N int }

type answer struct{ Double int }

func TestAskedIsAnswered(t *testing.T) {
	asks, asking := io.Pipe()
	answers, answering := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- lines.Serve(asks, answering, func(q question) (answer, error) {
			if q.N < 0 {
				return answer{}, errors.New("no room")
			}
			return answer{2 * q.N}, nil
		})
	}()
	c := lines.NewClient[question, answer](asking, answers)
	for n := range 3 {
		a, err := c.Ask(question{n})
		require.NoError(t, err)
		assert.Equal(t, answer{2 * n}, a)
	}
	_, err := c.Ask(question{-1})
	assert.EqualError(t, err, "no room")
	require.NoError(t, asking.Close())
	assert.NoError(t, <-done)
}

func TestWhatIsNoLineIsAnError(t *testing.T) {
	assert.Error(t, lines.Serve(bytes.NewBufferString("{"), io.Discard, func(question) (answer, error) { return answer{}, nil }))
	for _, reply := range []string{"", "{", "{}", `{"error":"no"}`} {
		_, err := lines.NewClient[question, answer](io.Discard, bytes.NewBufferString(reply)).Ask(question{1})
		assert.Error(t, err, reply)
	}
}
