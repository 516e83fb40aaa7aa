package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/deeperpoint/csss/examples/internal/cli"
)

// call is one command with its flags.
type call struct {
	*cli.Call
	dir       string
	tenantKey string
	depth     string

	showing   showing
	proving   proving
	checking  checking
	exporting exporting
	serving   serving
	shredding shredding
	naming    naming
	cosigning cosigning
}

// onFolder is a command that works on the folder of a log.
func onFolder(cmd cli.Command[*call]) cli.Command[*call] {
	flags, run := cmd.Flags, cmd.Run
	cmd.Flags = func(c *call) {
		c.StringVar(&c.dir, "dir", "", "`folder` of the log (required)")
		c.StringVar(&c.tenantKey, "tenant-key", "", "`file` with the 32-byte tenant key, where the folder does not keep it")
		if flags != nil {
			flags(c)
		}
	}
	cmd.Run = func(ctx context.Context, c *call) error {
		if c.dir == "" {
			return cli.Usagef("%s needs -dir", cmd.Name)
		}
		return run(ctx, c)
	}
	return cmd
}

// print writes a JSON object with -json, and else the text.
func (c *call) print(object any, format string, args ...any) error {
	if c.JSON {
		return json.NewEncoder(c.Stdout).Encode(object)
	}
	_, err := fmt.Fprintf(c.Stdout, format+"\n", args...)
	return err
}
