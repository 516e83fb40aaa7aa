package match

import "time"

// A Window is a time in which a resource is free, once or recurring, in the
// local time of a zone. The first occurrence starts at Start; each lasts from
// its local start to the same local end, so a night across a change of
// daylight-saving time keeps its wall-clock times.
type Window struct {
	Zone       string        `json:"zone"`                 // IANA name
	Start      string        `json:"start"`                // local, 2006-01-02T15:04
	End        string        `json:"end"`                  // local end of the first occurrence
	RRule      string        `json:"rrule,omitempty"`      // RFC 5545 RRULE value; empty = once
	Except     []string      `json:"except,omitempty"`     // local dates 2006-01-02 left out
	Productive time.Duration `json:"productive,omitempty"` // usable time per occurrence; 0 = all of it
}
