package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/examples/internal/cli"
)

// call is one command with its flags.
type call struct {
	*cli.Call
	linting    linting
	explaining explaining
	market     market
	schemaFile string
	language   languageFlag
}

// words is the language that the command speaks.
func (c *call) words() *language { return c.language.language }

// printf writes to standard output. Its errors show at the end, when the
// process closes it; a listing that is cut short by its reader is no failure.
func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.Stdout, format, args...) }

// object writes a JSON object on a line of its own.
func (c *call) object(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// maxFile bounds what is read of a file that the caller named.
const maxFile = 4 << 20

// parseTime reads a time of a flag; empty is none.
func parseTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, cli.Usagef("-%s: %q is no time like 2006-01-02T15:04:05Z", flag, s)
	}
	return t, nil
}
