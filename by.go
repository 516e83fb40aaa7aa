package csss

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// By says who acts, when, and under which command id. The host has already
// authenticated the person; the exchange checks what the person may do.
type By struct {
	Firm   string    // employer id; empty for the operator of the exchange
	Person string    // person id
	ID     string    // idempotency key of the command; empty = a random one
	At     time.Time // when; zero = time.Now. Earlier than the last step counts as the last step
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
	At        time.Time `json:"at"`
	Duplicate bool      `json:"duplicate,omitempty"` // the same command had been accepted before
}

func (by By) withID() By {
	if by.ID == "" {
		by.ID = randomID()
	}
	return by
}

// randomID returns 128 random bits as text.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// commandDigest tells two commands with one id apart.
func commandDigest(name string, args any) string {
	text, err := json.Marshal(args)
	if err != nil {
		text = []byte(err.Error())
	}
	sum := sha256.Sum256(append([]byte(name+"\x00"), text...))
	return hex.EncodeToString(sum[:16])
}
