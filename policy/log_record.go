package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// RecordKind says what a record of the decision log is of.
type RecordKind string

// The kinds of records.
const (
	DecisionRecord RecordKind = "decision" // one employer's rules were asked
	FilterRecord   RecordKind = "filter"   // what all employers' rules leave of a search
	OutcomeRecord  RecordKind = "outcome"  // what became of an obligation
)

// Fulfilment is what became of an obligation.
type Fulfilment string

// The fulfilments. An obligation without one is open.
const (
	Fulfilled   Fulfilment = "fulfilled"
	Unfulfilled Fulfilment = "unfulfilled" // the caller could not do it, and so must not go on
)

// Record is one entry of the decision log. It holds ids of documents and digests, and no value of any attribute.
type Record struct {
	Seq  uint64     // place in the log, from 1
	Prev [32]byte   // digest of the record before; zero for the first
	Kind RecordKind //
	Now  time.Time  // the request's time, or when the obligation's outcome was known

	Request [32]byte // commitment to the request: [Payload.Digest]; not in an outcome
	Set     [32]byte // decision: digest of the employer's document, zero without one; filter: [Set.Fingerprint]
	Version int      // decision: of the employer's document
	Action  Action   // decision, filter: empty if the request's was no action

	Outcome     Outcome       // decision
	Rules       []string      // decision: ids of the rules that apply, sorted: the forbids that denied, else the permits
	Due         []RecordedDue // decision: approvals due, sorted by requirement
	Obligations []string      // decision: ids, sorted
	Advice      []string      // decision: ids, sorted
	Cost        int           // decision: how many rules had heads that cover the request

	Filter FilterKind // filter
	Cells  [32]byte   // filter: digest of what it allows, a bit per employer and category that the rules name

	Of         [32]byte   // outcome: digest of the decision's record
	Obligation string     // outcome: id
	Fulfilment Fulfilment // outcome
}

// RecordedDue is an approval that was due, without the people.
type RecordedDue struct {
	Requirement string
	Need        int
	Have        int
}

// recordDomain begins what a record's digest is taken of.
const recordDomain = "csss.policy/record/v1\n"

// maxRecordBytes bounds a record's text: 2000 rule ids and 256 requirements of 128 bytes fit.
const maxRecordBytes = 1 << 20

// ErrRecord: the bytes are not a record in its one form, or its digest is another.
var ErrRecord = errors.New("policy: malformed record")

// Digest is SHA-256 of a domain and the record's canonical JSON without the digest. As each record holds the digest of
// the one before, that of the last record stands for the whole log: a host that keeps it where the log's writer cannot
// change it, such as in a ledger, will know of any change, omission or truncation.
func (r *Record) Digest() [32]byte {
	return sha256.Sum256(appendCanonical([]byte(recordDomain), r.normal()))
}

// MarshalText returns the record as canonical JSON (RFC 8785) on one line, its own digest included. The error is always
// nil.
func (r Record) MarshalText() ([]byte, error) {
	o := r.normal()
	o["digest"] = hexOf(r.Digest())
	return appendCanonical(nil, o), nil
}

// MarshalJSON is [Record.MarshalText].
func (r Record) MarshalJSON() ([]byte, error) { return r.MarshalText() }

func (r *Record) normal() object {
	return object{
		"seq": int(r.Seq), "prev": hexOf(r.Prev), "kind": string(r.Kind), "now": r.Now,
		"request": hexOf(r.Request), "set": hexOf(r.Set), "version": r.Version, "action": string(r.Action),
		"outcome": r.outcomeText(), "rules": r.Rules, "due": each(r.Due, RecordedDue.normal),
		"obligations": r.Obligations, "advice": r.Advice, "cost": r.Cost,
		"filter": r.filterText(), "cells": hexOf(r.Cells),
		"of": hexOf(r.Of), "obligation": r.Obligation, "fulfilment": string(r.Fulfilment),
	}
}

func (r *Record) outcomeText() string {
	if r.Kind != DecisionRecord && r.Outcome == Deny {
		return ""
	}
	return r.Outcome.String()
}

func (r *Record) filterText() string {
	if r.Kind != FilterRecord && r.Filter == Superset {
		return ""
	}
	return r.Filter.String()
}

func (d RecordedDue) normal() object {
	return object{"requirement": d.Requirement, "need": d.Need, "have": d.Have}
}

// hexOf is empty for a zero digest, so that the key is left out.
func hexOf(digest [32]byte) string {
	if digest == [32]byte{} {
		return ""
	}
	return hex.EncodeToString(digest[:])
}

// wireRecord is the JSON of a record, for reading.
type wireRecord struct {
	Seq         int        `json:"seq"`
	Prev        string     `json:"prev"`
	Kind        RecordKind `json:"kind"`
	Now         time.Time  `json:"now"`
	Request     string     `json:"request"`
	Set         string     `json:"set"`
	Version     int        `json:"version"`
	Action      Action     `json:"action"`
	Outcome     *Outcome   `json:"outcome"`
	Rules       []string   `json:"rules"`
	Due         []wireDue  `json:"due"`
	Obligations []string   `json:"obligations"`
	Advice      []string   `json:"advice"`
	Cost        int        `json:"cost"`
	Filter      string     `json:"filter"`
	Cells       string     `json:"cells"`
	Of          string     `json:"of"`
	Obligation  string     `json:"obligation"`
	Fulfilment  Fulfilment `json:"fulfilment"`
	Digest      string     `json:"digest"`
}

type wireDue struct {
	Requirement string `json:"requirement"`
	Need        int    `json:"need"`
	Have        int    `json:"have"`
}

// ParseRecord reads what [Record.MarshalText] wrote: there is one form, the digest must be the record's own, and encoding
// the result gives the same bytes. What the fields say is for [Replay] to judge. Time and memory are linear in the text, at
// most 1 MiB.
//
// Errors: [ErrRecord].
func ParseRecord(text []byte) (Record, error) {
	if len(text) > maxRecordBytes {
		return Record{}, fmt.Errorf("%w: %d bytes, at most %d", ErrRecord, len(text), maxRecordBytes)
	}
	var w wireRecord
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return Record{}, fmt.Errorf("%w: not the JSON of one", ErrRecord)
	}
	r, ok := w.record()
	if !ok {
		return Record{}, fmt.Errorf("%w: a digest is not 32 bytes in hex", ErrRecord)
	}
	if again, _ := r.MarshalText(); !bytes.Equal(again, text) {
		return Record{}, fmt.Errorf("%w: not in canonical form, or its digest is another", ErrRecord)
	}
	return r, nil
}

// UnmarshalText is [ParseRecord].
func (r *Record) UnmarshalText(text []byte) error {
	parsed, err := ParseRecord(text)
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// UnmarshalJSON is [ParseRecord].
func (r *Record) UnmarshalJSON(text []byte) error { return r.UnmarshalText(text) }

func (w *wireRecord) record() (Record, bool) {
	r := Record{Seq: uint64(w.Seq), Kind: w.Kind, Now: w.Now.UTC(), Version: w.Version, Action: w.Action, Rules: w.Rules,
		Obligations: w.Obligations, Advice: w.Advice, Cost: w.Cost, Obligation: w.Obligation, Fulfilment: w.Fulfilment}
	if w.Outcome != nil {
		r.Outcome = *w.Outcome
	}
	if w.Filter == Exact.String() {
		r.Filter = Exact
	}
	for _, d := range w.Due {
		r.Due = append(r.Due, RecordedDue(d))
	}
	for _, digest := range []struct {
		text string
		out  *[32]byte
	}{{w.Prev, &r.Prev}, {w.Request, &r.Request}, {w.Set, &r.Set}, {w.Cells, &r.Cells}, {w.Of, &r.Of}} {
		if digest.text != "" && !readHex(digest.text, digest.out) {
			return Record{}, false
		}
	}
	return r, true
}

// recordOf is what the log keeps of an answer, but for rules, obligations and advice.
func recordOf(set *Set, r *Request, outcome Outcome, due []Due) Record {
	rec := Record{Kind: DecisionRecord, Now: recordable(r.Now), Set: set.Digest(r.Employer), Version: set.Version(r.Employer),
		Outcome: outcome, Cost: set.looked(r)}
	if actionIndex(r.Action) >= 0 {
		rec.Action = r.Action
	}
	for _, d := range due {
		rec.Due = append(rec.Due, RecordedDue{d.Requirement, d.Need, d.Have})
	}
	return rec
}

// recordable is a time as a record can spell it: none outside the years 1 to 9999, which are refused in requests too.
func recordable(t time.Time) time.Time {
	if t = t.UTC().Round(0); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// looked is how many rules of the employer have heads that cover a request.
func (s *Set) looked(r *Request) (n int) {
	doc := s.document(r.Employer)
	if doc == nil {
		return 0
	}
	for _, rule := range doc.rules {
		if rule.heads(r.Action, r.Category, r.Now) {
			n++
		}
	}
	return n
}
