package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
)

// showing are the flags of show.
type showing struct {
	query        ledger.Query
	since, until string
	limit        int
	payload      bool
}

func showFlags(c *call) {
	s := &c.showing
	c.Uint64Var(&s.query.From, "from", 0, "first `index`")
	c.Uint64Var(&s.query.To, "to", 0, "`index` behind the last; 0 for the end")
	c.StringVar(&s.query.Stream, "stream", "", "only this `stream`")
	c.Uint64Var(&s.query.After, "after", 0, "with -stream: only above this `version`")
	c.StringVar(&s.query.Subject, "subject", "", "only entries of this data `subject`")
	c.StringVar(&s.query.Type, "type", "", "only this `type`")
	c.StringVar(&s.since, "since", "", "only from this engine `time` on, as 2006-01-02 or 2006-01-02T15:04:05Z")
	c.StringVar(&s.until, "until", "", "only before this engine `time`")
	c.IntVar(&s.limit, "limit", 0, "stop after so many entries; 0 for all")
	c.BoolVar(&s.payload, "payload", false, "print the payloads too: base64 with -json, else as quoted text")
}

// shown is an entry as show prints it with -json.
type shown struct {
	ledger.Entry
	Payload *[]byte `json:"payload,omitempty"` // hides the entry's own unless asked for
	Bytes   int     `json:"payload_bytes"`
}

// show prints entries.
func show(ctx context.Context, c *call) error {
	s := &c.showing
	var err error
	if s.query.Since, err = parseTime(s.since); err != nil {
		return err
	}
	if s.query.Until, err = parseTime(s.until); err != nil {
		return err
	}
	if s.query.After > 0 && s.query.Stream == "" {
		return cli.Usagef("-after goes with -stream")
	}
	return c.withLog(ctx, false, func(log *ledger.Log) error {
		n := 0
		for e, err := range log.Read(ctx, s.query) {
			if err != nil {
				return err
			}
			if n == 0 && !c.JSON {
				fmt.Fprintln(c.Stdout, "index  time                            version  bytes   stream  type  key  subjects")
			}
			if err := c.showEntry(e); err != nil {
				return err
			}
			if n++; n == s.limit {
				return nil
			}
		}
		return nil
	})
}

func (c *call) showEntry(e ledger.Entry) error {
	if c.JSON {
		o := shown{Entry: e, Bytes: len(e.Payload)}
		if c.showing.payload && !e.Erased {
			o.Payload = &e.Payload
		}
		return json.NewEncoder(c.Stdout).Encode(o)
	}
	size := strconv.Itoa(len(e.Payload))
	if e.Erased {
		size = "erased"
	}
	_, err := fmt.Fprintf(c.Stdout, "%-6d %s  %7d  %-6s  %s  %s  %s  %s\n", e.Index, stamp(e.Time), e.StreamVersion, size,
		quote(e.Stream), quote(e.Type), quote(e.Key), quote(strings.Join(e.Subjects, ",")))
	if err == nil && c.showing.payload && !e.Erased {
		_, err = fmt.Fprintf(c.Stdout, "       %q\n", e.Payload)
	}
	return err
}

// quote returns names as they are, and in quotes where they would disturb a
// terminal.
func quote(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// stamp writes a time with all its digits, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// parseTime reads a day or a time; empty is none.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cli.Usagef("%q is no time like 2006-01-02 or 2006-01-02T15:04:05Z", s)
}
