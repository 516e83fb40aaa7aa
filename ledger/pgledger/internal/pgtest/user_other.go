//go:build !unix

package pgtest

import "os/exec"

// become does nothing: there is no root to step down from.
func (a account) become(*exec.Cmd) {}
