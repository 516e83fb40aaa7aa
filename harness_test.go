package csss_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// This file is the harness of the story tests: it plays a list of scenes on
// an exchange, keeps what every observer is given, and checks the common
// assertions A1 to A7 on it.

// stored is the seeded world at the library's defaults, loaded once into a
// directory; every variant of a story plays on a copy of it.
type stored struct {
	dir      string
	canaries []world.Canary
}

var storedWorld = sync.OnceValues(func() (stored, error) {
	w := world.Build(world.Options{Stories: true})
	dir, err := os.MkdirTemp("", "csss-world-")
	if err != nil {
		return stored{}, err
	}
	worldDir = dir
	x, err := csss.Open(background, csss.Config{Dir: dir})
	if err != nil {
		return stored{}, err
	}
	err = load(x, w)
	return stored{dir: dir, canaries: w.Canaries()}, errors.Join(err, x.Close())
})

// worldDir is where the stored world lies once it was loaded.
var worldDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if worldDir != "" {
		_ = os.RemoveAll(worldDir)
	}
	os.Exit(code)
}

// load imports a world and the hours that its people promised elsewhere.
func load(x *csss.Exchange, w *world.World) error {
	if _, err := x.Import(background, csss.By{ID: "world", At: world.Opening()}, w.Import()); err != nil {
		return err
	}
	for i, u := range w.Usage {
		by := u.By.At(world.Opening())
		by.ID = fmt.Sprintf("usage-%d", i)
		if _, err := x.ReportUsage(background, by, u.Person, u.Category, u.Week, u.Hours); err != nil {
			return err
		}
	}
	return nil
}

// play is one story on one exchange, watched by everybody in it.
type play struct {
	*testing.T
	x        *csss.Exchange
	dir      string // of the ledger, if it has one
	now      time.Time
	canaries []world.Canary
	private  []secret            // what must never reach another firm at all
	mates    map[[2]string]bool  // firms that are revealed to each other
	seen     map[string][]string // what each firm was given, in order
	handles  map[string]disclosure.Handle
	logs     *lockedBuffer
	replays  bool // compare state and replay after every scene (A4)
}

// secret is a reason, rule or bound of one firm.
type secret struct{ firm, text string }

// inWorld opens a copy of the seeded world at the library's defaults.
func inWorld(t *testing.T) *play {
	t.Helper()
	s, err := storedWorld()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(s.dir)))
	return open(t, csss.Config{Dir: dir}, s.canaries)
}

// inSmall opens a market of one story's firms alone, at k = 3. It keeps a log of
// decisions, which at the end is decided again.
func inSmall(t *testing.T, w *world.World) *play {
	t.Helper()
	log := &policy.MemoryLog{}
	p := open(t, csss.Config{K: 3, KPeople: 3, Decisions: policy.NewRecorder(log, nil)}, w.Canaries())
	t.Cleanup(func() {
		assert.Empty(t, slices.DeleteFunc(replayed(t, p.x, log).Mismatches, func(m policy.Mismatch) bool {
			return m.Field == "set" && m.Got == "unknown" // the rules of a firm that was erased
		}))
	})
	require.NoError(t, load(p.x, w))
	return p
}

func open(t *testing.T, cfg csss.Config, canaries []world.Canary) *play {
	t.Helper()
	logs := &lockedBuffer{}
	cfg.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x, err := csss.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	return &play{T: t, x: x, dir: cfg.Dir, canaries: canaries, mates: map[[2]string]bool{}, seen: map[string][]string{},
		handles: map[string]disclosure.Handle{}, logs: logs, replays: !testing.Short()}
}

// as is who acts now.
func (p *play) as(w world.Who) csss.By { return w.At(p.now) }

// saw keeps what a firm was given, in every form in which it could be printed,
// and looks for anything in it that names a firm not yet revealed to it (A1)
// or that is another firm's business for ever (A7).
func (p *play) saw(firm string, values ...any) {
	p.Helper()
	for _, v := range values {
		text := everyForm(v)
		p.seen[firm] = append(p.seen[firm], text)
		p.clean(firm, text)
	}
}

func (p *play) clean(firm, text string) {
	p.Helper()
	text = strings.ToLower(text)
	for _, c := range p.canaries {
		if c.Firm != firm && !p.mates[[2]string{firm, c.Firm}] && strings.Contains(text, strings.ToLower(c.Token)) {
			p.Errorf("A1: %s sees %q of %s in %.300s", firm, c.Token, c.Firm, text)
		}
	}
	for _, s := range p.private {
		if s.firm != firm && mentions(text, strings.ToLower(s.text)) {
			p.Errorf("A7: %s sees %q of %s in %.300s", firm, s.text, s.firm, text)
		}
	}
}

// mentions reports whether a text holds a token that is not part of a longer
// word or number: a digest may hold any four digits by chance.
func mentions(text, token string) bool {
	inWord := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] >= 'a' && text[i] <= 'z')
	}
	for from := 0; ; {
		i := strings.Index(text[from:], token)
		if i < 0 {
			return false
		}
		if !inWord(from+i-1) && !inWord(from+i+len(token)) {
			return true
		}
		from += i + 1
	}
}

// everyForm prints a value in each way a host might.
func everyForm(v any) string {
	if err, ok := v.(error); ok {
		return fmt.Sprintf("%v %+v %#v", err, err, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(err.Error())
	}
	return fmt.Sprintf("%v\n%+v\n%#v\n%s", v, v, v, text)
}

// revealed lets two firms know each other from here on.
func (p *play) revealed(a, b string) {
	p.mates[[2]string{a, b}], p.mates[[2]string{b, a}] = true, true
}

// scene is one step of a story. Consent marks the steps without any one of
// which nothing may be revealed.
type scene struct {
	name    string
	consent bool
	do      func(p *play)
}

// run plays the scenes except the one to leave out, and checks after each
// that the state is the fold of the ledger (A4) and the logs are clean.
func (p *play) run(scenes []scene, without string) {
	p.Helper()
	for _, s := range scenes {
		if s.name == without {
			continue
		}
		s.do(p)
		if p.Failed() {
			p.Fatalf("in scene %q", s.name)
		}
		if p.replays && without == "" {
			p.isFold()
		}
	}
	p.isFold()
	p.verifies()
	p.clean("", p.logs.String())
}

// isFold is A4: replay from the first entry gives an equal state.
func (p *play) isFold() {
	p.Helper()
	live, err := p.x.Digest()
	require.NoError(p, err)
	again, err := p.x.Replay(p.Context())
	require.NoError(p, err)
	require.Equal(p, live, again, "A4: state is not the fold of the ledger")
}

// verifies is A3's second half: tree, commitments and head are sound.
func (p *play) verifies() {
	p.Helper()
	found, err := p.x.Verify(p.Context())
	require.NoError(p, err)
	require.Empty(p, found.Faults, "A3: the ledger does not verify")
}

// phase is what a side reads of its session.
func (p *play) phase(w world.Who, h disclosure.Handle) disclosure.Phase {
	p.Helper()
	s, err := p.x.Status(p.Context(), p.as(w), h)
	p.saw(w.Firm, s, err)
	require.NoError(p, err)
	return s.Phase
}

// inbox returns the tasks of one kind that wait for a person.
func (p *play) inbox(w world.Who, kind csss.TaskKind) []csss.Task {
	p.Helper()
	tasks, err := p.x.Inbox(p.Context(), p.as(w))
	p.saw(w.Firm, tasks, err)
	require.NoError(p, err)
	var out []csss.Task
	for _, task := range tasks {
		if task.Kind == kind {
			out = append(out, task)
		}
	}
	return out
}

// identity opens the other side's identity, or returns nil if it is closed.
func (p *play) identity(w world.Who, h disclosure.Handle) *disclosure.IdentityData {
	p.Helper()
	v, err := p.x.View(p.Context(), p.as(w), h, disclosure.StageIdentity)
	p.saw(w.Firm, v, err)
	if err != nil {
		return nil
	}
	data := v.Identity.Open()
	return &data
}

// ok is for steps that must be accepted; whoever took it sees the answer.
func (p *play) ok(w world.Who, r csss.Receipt, err error) {
	p.Helper()
	p.saw(w.Firm, r, err)
	require.NoError(p, err)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
