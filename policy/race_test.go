//go:build race

package policy_test

import "time"

// hostileLimit is longer under the race detector, which slows the parser tenfold.
const hostileLimit = time.Second
