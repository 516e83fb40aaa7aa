package disclosure

// DigestsOf returns the command's digests by every build so far.
func DigestsOf(c Command) []Digest { return []Digest{c.firstDigest(), c.secondDigest(), c.digest()} }

// Accepted is a record in which a command was accepted under a digest.
func Accepted(c Command, d Digest) Actors {
	return Actors{}.with(&Event{Actor: c.Actor, Command: c.ID, Digest: d, Seq: 1})
}

// PublicOf returns what the session's stream says of events of an invitation.
func PublicOf(f Facilitator, events ...Event) []Event { return f.public(events) }
