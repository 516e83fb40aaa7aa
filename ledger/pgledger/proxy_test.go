package pgledger_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a store and its server and cuts one connection: the one on
// which the marker is seen first.
type proxy struct {
	t      *testing.T
	listen net.Listener
	server string

	mu     sync.Mutex
	marker []byte
	how    cut
	cuts   int
	open   []net.Conn
}

type cut int

const (
	uncut    cut = iota
	unsent       // the server never sees the marker
	answered     // the server has answered, the client does not hear it
	orphaned     // the client is cut off, the server does not know
)

func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var port int
	for field := range strings.FieldsSeq(dsn) {
		if _, err := fmt.Sscanf(field, "port=%d", &port); err == nil {
			break
		}
	}
	p := &proxy{t: t, listen: l, server: fmt.Sprint("127.0.0.1:", port)}
	go p.accept()
	t.Cleanup(p.close)
	through := fmt.Sprint("port=", l.Addr().(*net.TCPAddr).Port)
	return p, strings.Replace(dsn, fmt.Sprint("port=", port), through, 1)
}

// arm waits for a marker.
func (p *proxy) arm(marker string, how cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marker, p.how, p.cuts = []byte(marker), how, 0
}

func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// hit says what to do with these bytes of a client.
func (p *proxy) hit(b []byte) cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how == uncut || !bytes.Contains(b, p.marker) {
		return uncut
	}
	how := p.how
	p.how, p.cuts = uncut, p.cuts+1
	return how
}

func (p *proxy) close() {
	p.listen.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		go p.serve(client, server)
	}
}

// serve forwards until the end or the cut. Requests to cancel are dropped: they
// are the driver's courtesy, and get lost where connections do.
func (p *proxy) serve(client, server net.Conn) {
	deaf := make(chan struct{}) // closed: what the server says is not passed on
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			select {
			case <-deaf:
				client.Close()
				server.Close()
				return
			default:
			}
			if n > 0 {
				client.Write(buf[:n])
			}
			if err != nil {
				client.Close()
				return
			}
		}
	}()
	buf := make([]byte, 1<<20)
	cancelRequest := []byte{4, 210, 22, 46}
	for {
		n, err := client.Read(buf)
		if n == 16 && bytes.Equal(buf[4:8], cancelRequest) {
			client.Close()
			server.Close()
			return
		}
		switch p.hit(buf[:n]) {
		case unsent:
			client.Close()
			server.Close()
			return
		case answered:
			close(deaf)
		case orphaned:
			server.Write(buf[:n])
			client.Close()
			io.Copy(io.Discard, server)
			return
		}
		if n > 0 {
			server.Write(buf[:n])
		}
		if err != nil {
			server.Close()
			return
		}
	}
}
