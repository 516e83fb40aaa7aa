package disclosure

import (
	"encoding/json"
	"strings"
	"time"
)

// Viewer is who looks: an employer group and its verified site. Zero
// coordinates mean that the site is not known; no distance is shown then.
type Viewer struct {
	Group    string
	Lat, Lon float64
}

// Shown is what a viewer sees. It carries no id.
type Shown struct {
	Labels []string `json:"labels"`
	Text   string   `json:"text"`            // the labels, joined by ", "
	Place  string   `json:"place,omitempty"` // band, region or province; with "or remote"
	Digest Digest   `json:"digest"`          // of the labels and the place, to bind consents to
}

// String returns the text and the place.
func (s Shown) String() string {
	if s.Place == "" {
		return s.Text
	}
	return s.Text + ", " + s.Place
}

func shown(fields []FieldChoice, place string, remote bool) Shown {
	if remote {
		place = strings.TrimPrefix(place+" or remote", " or ")
	}
	labels := textOf(fields)
	data, _ := json.Marshal(struct {
		Labels []string
		Place  string
	}{labels, place}) // strings always marshal
	return Shown{Labels: labels, Text: strings.Join(labels, ", "), Place: place, Digest: DigestOf(data)}
}

// For returns the frozen text with the place as this viewer may know it: the
// finest of the bands ≤ 10, 25, 40, 60, 100, 200 and > 200 km from the
// viewer's site that k groups fit together with the text, the viewer's own
// group left out; else the region, else the province or country, else
// nothing. "Or remote" is said only where k such groups work remotely too. The
// place is frozen for (group, listing) at the first view, with the site it was
// measured from, and is later equal or coarser, in other revisions too: circles
// around two sites of a group could be intersected.
//
// The text is what [Summarizer.Freeze] settles at now, whoever looks. A viewer
// whose own group is in the class, leaving fewer than k, is shown nothing: the
// error is [ErrTooRare], in the same form as for a text that was withdrawn.
//
// What is not installed yet, of the text or the place, is returned to be
// logged and installed, beside [ErrTooRare] too. The other error is
// [ErrNotFound].
func (s *Summarizer) For(id string, v Viewer, now time.Time) (Shown, []Frozen, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnTo(now)
	l, ok := s.listing(id)
	if !ok {
		return Shown{}, nil, ErrNotFound
	}
	return s.forViewer(l, v)
}

func (s *Summarizer) forViewer(l Listing, v Viewer) (Shown, []Frozen, error) {
	var fresh []Frozen
	f, news := s.settle(l)
	if news {
		fresh = append(fresh, f)
	}
	if f.Withdrawn || v.Group == l.Group {
		return Shown{}, fresh, ErrTooRare
	}
	k, class := s.K(l), s.class(l, f.Fields)
	if !s.enough(class, s.groupNumber(v.Group), k) {
		return Shown{}, fresh, ErrTooRare
	}
	was, again := s.frozen[keyOf(l.ID, l.Revision, v.Group)]
	if again {
		v.Lat, v.Lon = was.Lat, was.Lon
	}
	rung, remote := s.place(l, v, class, k, was.Rung, again)
	remote = remote && (!again || was.Remote)
	if !again || rung != was.Rung || remote != was.Remote {
		fresh = append(fresh, Frozen{Listing: l.ID, Revision: l.Revision, Group: v.Group, Rung: rung, Remote: remote, Lat: v.Lat, Lon: v.Lon, K: k})
	}
	return shown(f.Fields, placeName(l, rung), remote), fresh, nil
}

func (s *Summarizer) groupNumber(group string) int {
	if n, ok := s.groups[group]; ok {
		return n
	}
	return nobody
}
