// Command minimal is the smallest program that uses package policy. A test bounds its size.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/deeperpoint/csss/policy"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	set, err := policy.Compile(nil, policy.Source{Name: os.Args[1], Text: text})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, employer := range set.Employers() {
		fmt.Println(set.Explain(&policy.Request{Employer: employer, Action: policy.Match, Category: "machine", Now: time.Now()}).Outcome)
	}
}
