//go:build !unix

package ledger_test

import "time"

var begun = time.Now()

// cpuTime is the time that has passed: an upper bound where nothing else is known.
func cpuTime() time.Duration { return time.Since(begun) }
