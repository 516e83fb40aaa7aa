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
)

// call is one command with its words and flags, and where it prints.
type call struct {
	*flag.FlagSet
	stdout, stderr io.Writer
	words          []string
	dir            string
	json           bool
	tenantKey      string
	depth          string

	showing   showing
	proving   proving
	checking  checking
	exporting exporting
	serving   serving
	shredding shredding
	naming    naming
	cosigning cosigning
}

// runCommand reads the arguments and runs the command.
func runCommand(ctx context.Context, cmd command, args []string, stdout, stderr io.Writer) error {
	c := &call{FlagSet: flag.NewFlagSet("ledgerctl "+cmd.name, flag.ContinueOnError), stdout: stdout, stderr: stderr}
	c.SetOutput(io.Discard)
	c.Usage = func() {}
	c.BoolVar(&c.json, "json", false, "one JSON object a line")
	if !cmd.noFolder {
		c.StringVar(&c.dir, "dir", "", "`folder` of the log (required)")
		c.StringVar(&c.tenantKey, "tenant-key", "", "`file` with the 32-byte tenant key, where the folder does not keep it")
	}
	if cmd.flags != nil {
		cmd.flags(c)
	}
	if err := c.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			c.help(cmd)
		}
		return err
	}
	if want := len(strings.Fields(cmd.words)); len(c.words) != want {
		return usagef("%s takes %s, not %d words", cmd.name, orNothing(cmd.words), len(c.words))
	}
	if !cmd.noFolder && c.dir == "" {
		return usagef("%s needs -dir", cmd.name)
	}
	return cmd.run(ctx, c)
}

func orNothing(words string) string {
	if words == "" {
		return "flags only"
	}
	return words
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

// print writes a JSON object with -json, and else the text.
func (c *call) print(object any, format string, args ...any) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(object)
	}
	_, err := fmt.Fprintf(c.stdout, format+"\n", args...)
	return err
}

// read returns the content of a file that the caller named.
func read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, usageError{err}
	case int64(len(b)) > limit:
		return nil, usagef("%s has more than %d bytes", name, limit)
	}
	return b, nil
}
