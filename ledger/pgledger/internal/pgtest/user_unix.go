//go:build unix

package pgtest

import (
	"os/exec"
	"syscall"
)

// become makes a command run as the account.
func (a account) become(c *exec.Cmd) {
	if a != (account{}) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	}
}
