//go:build !race

package policy_test

import "time"

const hostileLimit = 100 * time.Millisecond
