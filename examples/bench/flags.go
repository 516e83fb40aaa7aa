package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// newFlags returns the flags of a command.
func newFlags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// parse reads the arguments, which must all be flags. Asked for help it prints
// the flags and a text below them.
func parse(f *flag.FlagSet, args []string, text string, stderr io.Writer) error {
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(stderr)
		fmt.Fprintf(stderr, "usage: %s [flags]\n\n", f.Name())
		f.PrintDefaults()
		fmt.Fprint(stderr, "\n", text)
		return err
	case err != nil:
		return usageError{err}
	case f.NArg() > 0:
		return usagef("%s takes flags only, not %q", f.Name(), f.Arg(0))
	}
	return nil
}

// counts is a flag of positive numbers with commas between them.
type counts []int

func (c *counts) String() string {
	words := make([]string, len(*c))
	for i, n := range *c {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}

// Set replaces the numbers.
func (c *counts) Set(s string) error {
	var numbers []int
	for word := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a positive number", word)
		}
		numbers = append(numbers, n)
	}
	*c = numbers
	return nil
}

// fractions is a flag of numbers above 0 and at most 1, with commas between them.
type fractions []float64

func (s *fractions) String() string {
	words := make([]string, len(*s))
	for i, x := range *s {
		words[i] = strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strings.Join(words, ",")
}

// Set replaces the numbers.
func (s *fractions) Set(text string) error {
	var numbers []float64
	for word := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || !(x > 0 && x <= 1) {
			return fmt.Errorf("%q is not above 0 and at most 1", word)
		}
		numbers = append(numbers, x)
	}
	*s = numbers
	return nil
}

// names is a flag of words with commas between them.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

// Set replaces the words; an empty flag means none, and a word counts once.
func (n *names) Set(s string) error {
	*n = nil
	for word := range strings.SplitSeq(s, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		if word != "" && !slices.Contains(*n, word) {
			*n = append(*n, word)
		}
	}
	return nil
}
