package csss

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// By says who acts, when, and under which command id. The host has already
// authenticated the person; the exchange checks what the person may do.
type By struct {
	Firm   string    // employer id; empty for the operator of the exchange
	Person string    // person id
	ID     string    // idempotency key, unique among the person's commands; empty = a random one
	At     time.Time // when; zero = time.Now. Earlier than the last step is decided as of the last step; more than 400 days ahead of it and of the wall clock is an *InputError
}

// operator refuses whoever acts for a firm.
func (by By) operator() error {
	if by.Firm != "" {
		return ErrNotYours
	}
	return nil
}

// Receipt acknowledges one accepted command: it is durable. It names no entry
// of the log, because a position in the log would count the other side's
// steps; [Exchange.ExportReceipt] gives the proof once a session is revealed.
type Receipt struct {
	Command   string    `json:"command"`
	At        time.Time `json:"at"`                  // as the caller gave it: the market's own would tell of other firms' steps
	Duplicate bool      `json:"duplicate,omitempty"` // the same command had been accepted before
}

// withDefaults names the command and gives it its time, as the log keeps one.
func (by By) withDefaults() By {
	if by.ID == "" {
		by.ID = randomID()
	}
	if by.At.IsZero() {
		by.At = time.Now()
	}
	by.At = by.At.UTC().Round(0)
	return by
}

// key names the command in the log. Two firms or people that use one id do not
// meet there.
func (by By) key() string {
	h := sha256.New()
	for _, part := range []string{by.Firm, by.Person, by.ID} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return commandPrefix + hex.EncodeToString(h.Sum(nil)[:16])
}

const commandPrefix = "command/"

// randomID returns 128 random bits as text.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// commandDigest tells two commands with one id apart. What cannot be encoded is
// equal to nothing.
func commandDigest(name string, args any) string {
	text, err := json.Marshal(args)
	if err != nil {
		return randomID()
	}
	sum := sha256.Sum256(append([]byte(name+"\x00"), text...))
	return hex.EncodeToString(sum[:16])
}
