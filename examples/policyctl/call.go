package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// call is one command with its words and flags, and where it prints.
type call struct {
	*flag.FlagSet
	stdout, stderr io.Writer
	words          []string
	json           bool

	linting    linting
	explaining explaining
	market     market
	lang       string
}

// runCommand reads the arguments and runs the command.
func runCommand(ctx context.Context, cmd command, args []string, stdout, stderr io.Writer) error {
	c := &call{FlagSet: flag.NewFlagSet("policyctl "+cmd.name, flag.ContinueOnError), stdout: stdout, stderr: stderr}
	c.SetOutput(io.Discard)
	c.Usage = func() {}
	c.BoolVar(&c.json, "json", false, "one JSON object a line")
	if cmd.flags != nil {
		cmd.flags(c)
	}
	if err := c.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			c.help(cmd)
		}
		return err
	}
	if len(c.words) < cmd.least || cmd.most > 0 && len(c.words) > cmd.most {
		return usagef("%s takes %s, not %d words", cmd.name, cmd.words, len(c.words))
	}
	return cmd.run(ctx, c)
}

// parse reads flags and words in any order.
func (c *call) parse(args []string) error {
	for {
		switch err := c.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return err
		case err != nil:
			return usageError{err}
		case c.NArg() == 0:
			return nil
		}
		c.words = append(c.words, c.Arg(0))
		args = c.Args()[1:]
	}
}

func (c *call) help(cmd command) {
	fmt.Fprintf(c.stderr, "usage: %s [flags]: %s\n\n", strings.TrimSpace(c.Name()+" "+cmd.words), cmd.does)
	c.SetOutput(c.stderr)
	c.PrintDefaults()
}

// printf writes to standard output. Its errors show at the end, when the
// process closes it; a listing that is cut short by its reader is no failure.
func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.stdout, format, args...) }

// object writes a JSON object on a line of its own.
func (c *call) object(v any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// list is a flag that may be given several times.
type list []string

// String implements [flag.Value].
func (l *list) String() string { return strings.Join(*l, ",") }

// Set implements [flag.Value].
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// maxFile bounds what is read of a file that the caller named.
const maxFile = 4 << 20

// read returns the content of a file that the caller named.
func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, usageError{err}
	case len(b) > maxFile:
		return nil, usagef("%s has more than %d bytes", name, maxFile)
	}
	return b, nil
}

// parseTime reads a time of a flag; empty is none.
func parseTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, usagef("-%s: %q is no time like 2006-01-02T15:04:05Z", flag, s)
	}
	return t, nil
}
