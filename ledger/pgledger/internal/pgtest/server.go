// Package pgtest runs PostgreSQL servers for tests: on 127.0.0.1 alone, on free
// ports, in folders of their own, as a user that is not root, and ended with the
// test. It needs PostgreSQL's own programs and nothing that runs already.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server is one cluster with its data folder. It is for one goroutine.
type Server struct {
	Port int

	bin, dir string
	user     account
	running  bool
	guard    *exec.Cmd // ends the server if the test dies
	leash    io.Closer // its input
}

// Settings are lines of postgresql.conf.
type Settings map[string]string

// Missing says why no server can be started here. Tests skip with it.
type Missing struct{ Why string }

func (m *Missing) Error() string { return "pgtest: " + m.Why }

// New makes a cluster and starts it. The error is a [*Missing] where PostgreSQL
// is not installed or there is nobody but root to run it.
func New(ctx context.Context, settings Settings) (*Server, error) {
	s, err := prepare()
	if err != nil {
		return nil, err
	}
	if err := s.setup(ctx, settings); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

func (s *Server) setup(ctx context.Context, settings Settings) error {
	if err := s.run(ctx, "initdb", "-D", s.data(), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", superuser, "--no-instructions"); err != nil {
		return err
	}
	// Replication from 127.0.0.1 is in the pg_hba.conf that initdb writes.
	if err := s.Configure(settings); err != nil {
		return err
	}
	return s.Start(ctx)
}

const superuser = "postgres"

// Standby makes a streaming standby of a running server and starts it. It
// introduces itself by name, as synchronous_standby_names knows it. It begins with
// the settings of the primary.
func (s *Server) Standby(ctx context.Context, name string, settings Settings) (*Server, error) {
	b, err := prepare()
	if err != nil {
		return nil, err
	}
	err = b.run(ctx, "pg_basebackup", "-D", b.data(), "-R", "-X", "stream", "-c", "fast",
		"-d", s.DSN("postgres")+" application_name="+name)
	if err == nil {
		err = b.Configure(settings)
	}
	if err == nil {
		err = b.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.Remove())
	}
	return b, nil
}

// Configure appends to postgresql.conf; later lines win. It does not reload.
func (s *Server) Configure(settings Settings) error {
	all := Settings{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(s.Port), "unix_socket_directories": "",
		"max_connections": "100", "shared_buffers": "32MB", "logging_collector": "off",
	}
	maps.Copy(all, settings)
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for k, v := range all {
		_, e := fmt.Fprintf(f, "%s = '%s'\n", k, v)
		err = errors.Join(err, e)
	}
	return errors.Join(err, f.Close())
}

// Start starts the server and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	err := s.run(ctx, "pg_ctl", "-D", s.data(), "-w", "-t", "60", "-l", filepath.Join(s.dir, "log"), "start")
	s.running = err == nil
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		err = fmt.Errorf("%w\n%s", err, log[max(0, len(log)-2000):])
	}
	return err
}

// Reload makes the server read its configuration again, without waiting.
func (s *Server) Reload(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.data(), "reload")
}

// Stop ends the server: mode is smart, fast or immediate, the last of which is a
// crash.
func (s *Server) Stop(ctx context.Context, mode string) error {
	s.running = false
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-m", mode, "-w", "-t", "60", "stop")
}

// Promote makes a primary of a standby and waits until it is one.
func (s *Server) Promote(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-w", "-t", "60", "promote")
}

// Remove ends the server where it runs and deletes its folder.
func (s *Server) Remove() error {
	var err error
	if s.running {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = s.Stop(ctx, "immediate")
	}
	if s.guard != nil {
		err = errors.Join(err, s.leash.Close(), s.guard.Wait())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Log returns what the server has logged.
func (s *Server) Log() (string, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b), err
}

// DataDir returns the data folder.
func (s *Server) DataDir() string { return s.data() }

// DSN returns the connection string of a database.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", s.Port, superuser, database)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// prepare finds the programs, the user, a folder and a port.
func prepare() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{Port: port, bin: bin, dir: dir, user: who}
	if err := errors.Join(who.own(dir), s.watch()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// watch starts a shell that waits for its input to end, which a test that was
// killed or panics cannot prevent, and then ends what still runs.
func (s *Server) watch() error {
	s.guard = exec.Command("/bin/sh", "-c", `cat; [ ! -f data/postmaster.pid ] || "$1" -D data -m immediate stop; rm -rf data log`, "sh", filepath.Join(s.bin, "pg_ctl"))
	s.guard.Dir, s.guard.Env = s.dir, []string{"PATH=/usr/bin:/bin"}
	s.user.become(s.guard)
	leash, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	s.leash = leash
	return s.guard.Start()
}

// run runs one of PostgreSQL's programs in the server's folder.
func (s *Server) run(ctx context.Context, program string, args ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.Dir = s.dir
	c.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=" + s.dir}
	s.user.become(c)
	// To a file: a server keeps the output open, and a pipe would be waited for.
	out, err := os.CreateTemp("", "pgtest-out-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("pgtest: %s: %w: %s", program, err, bytes.TrimSpace(said))
	}
	return nil
}

// binaries returns the folder of the newest server programs, 15 or newer.
func binaries() (string, error) {
	var tried []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		tried = append(tried, strings.TrimSpace(string(out)))
	}
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(installed, func(a, b string) int { return major(b) - major(a) })
	tried = append(tried, installed...)
	if path, err := exec.LookPath("initdb"); err == nil {
		tried = append(tried, filepath.Dir(path))
	}
	for _, dir := range tried {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
		if fields := strings.Fields(string(out)); err == nil && len(fields) > 2 && version(fields[2]) >= 15 {
			return dir, nil
		}
	}
	return "", &Missing{"PostgreSQL 15 or newer is not installed (no initdb; Debian: apt-get install postgresql)"}
}

// major reads the version out of a path like /usr/lib/postgresql/15/bin.
func major(path string) int { return version(filepath.Base(filepath.Dir(path))) }

func version(s string) int {
	n, _, _ := strings.Cut(s, ".")
	v, err := strconv.Atoi(n)
	if err != nil {
		return 0
	}
	return v
}

// freePort asks the system for a port and gives it back at once.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// account is who the programs run as; zero is the one who runs the test.
type account struct{ uid, gid int }

// unprivileged is the own account, or postgres or nobody where that is root's: the
// server refuses to run as root.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{uid, gid}, nil
		}
	}
	return account{}, &Missing{"the tests run as root, and there is no user postgres or nobody to run the server"}
}

func (a account) own(dir string) error {
	if a == (account{}) {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, a.uid, a.gid))
	})
}
