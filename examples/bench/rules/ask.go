package rules

import (
	"fmt"
	"time"
)

// Ask is one line to a program with peers: open an engine, run it for a slice
// of time, or close it and tell what it has shown.
type Ask struct {
	Do      string  `json:"do"` // "open", "run" or "close"
	Engine  string  `json:"engine"`
	Rules   int     `json:"rules,omitempty"`   // open
	Shapes  int     `json:"shapes,omitempty"`  // open
	Seed    uint64  `json:"seed,omitempty"`    // open
	Seconds float64 `json:"seconds,omitempty"` // run
}

// Answer is the line that answers an [Ask].
type Answer struct {
	Version string  `json:"version,omitempty"` // open: of the engine's module
	Report  *Report `json:"report,omitempty"`  // close
}

// Server answers for engines, each with its loader and its version.
type Server struct {
	Loaders map[string]Loader
	Version func(engine string) string
	running map[string]*Runner
}

// Answer does what a line asks for.
func (s *Server) Answer(q Ask) (Answer, error) {
	if q.Do == "open" {
		return s.open(q)
	}
	r := s.running[q.Engine]
	if r == nil {
		return Answer{}, fmt.Errorf("engine %q is not open", q.Engine)
	}
	switch q.Do {
	case "run":
		r.Run(time.Duration(q.Seconds * float64(time.Second)))
		return Answer{}, nil
	case "close":
		delete(s.running, q.Engine)
		report := r.Report()
		return Answer{Report: &report}, nil
	}
	return Answer{}, fmt.Errorf("cannot %q", q.Do)
}

func (s *Server) open(q Ask) (Answer, error) {
	loader, known := s.Loaders[q.Engine]
	switch {
	case !known:
		return Answer{}, fmt.Errorf("no engine %q", q.Engine)
	case s.running[q.Engine] != nil:
		return Answer{}, fmt.Errorf("engine %q is open", q.Engine)
	case q.Rules < 1 || q.Shapes < 1:
		return Answer{}, fmt.Errorf("%d rules of %d shapes", q.Rules, q.Shapes)
	}
	r, err := Open(New(q.Rules, q.Shapes, q.Seed), loader)
	if err != nil {
		return Answer{}, err
	}
	if s.running == nil {
		s.running = map[string]*Runner{}
	}
	s.running[q.Engine] = r
	return Answer{Version: s.Version(q.Engine)}, nil
}
