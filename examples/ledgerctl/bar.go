package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// bar shows on standard error how far a long piece of work is: on a terminal as
// one line that is drawn again, else as a line now and then. Short work shows
// nothing.
type bar struct {
	w        io.Writer
	what     string
	terminal bool
	next     time.Time // when to draw again
	drawn    bool
}

func (c *call) bar(what string) *bar {
	b := &bar{w: c.Stderr, what: what, next: time.Now().Add(500 * time.Millisecond)}
	if f, ok := c.Stderr.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// progress is told how much of it is done.
func (b *bar) progress(done, total uint64) {
	if now := time.Now(); total == 0 || now.Before(b.next) {
		return
	} else if b.terminal {
		b.next = now.Add(100 * time.Millisecond)
	} else {
		b.next = now.Add(5 * time.Second)
	}
	const width = 40
	full := int(width * min(done, total) / total)
	line := fmt.Sprintf("%s [%s%s] %3d %% of %d", b.what, strings.Repeat("#", full), strings.Repeat(".", width-full), 100*min(done, total)/total, total)
	if b.terminal {
		fmt.Fprintf(b.w, "\r%s", line)
	} else {
		fmt.Fprintln(b.w, line)
	}
	b.drawn = true
}

// end leaves the line, so that what follows has its own.
func (b *bar) end() {
	if b.drawn && b.terminal {
		fmt.Fprintln(b.w)
	}
}
