//go:build unix && !solaris && !aix

package ledger_test

import (
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process that is just being started holds every open file of ours for a
// moment. It must not keep the lock of a log that was closed meanwhile.
func TestCloseUnlocksWhileProcessesStart(t *testing.T) {
	name, err := exec.LookPath("true")
	if err != nil {
		t.Skip("there is no program called true")
	}
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command(name).Run()
				}
			}
		})
	}
	defer wg.Wait()
	defer close(stop)
	dir := t.TempDir()
	for range rounds {
		require.NoError(t, openDir(t, dir).Close())
	}
}
