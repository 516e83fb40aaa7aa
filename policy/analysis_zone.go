package policy

// clocks names conditions that read hours or days without naming a zone, where the document's own is not UTC.
func (a *analysis) clocks() {
	for _, r := range a.doc.rules {
		a.clock(r.whenAt, r.id, r.when)
	}
	for _, g := range a.doc.grants {
		a.clock(g.whenAt, g.ID, g.when)
	}
}

func (a *analysis) clock(at place, id string, when *condition) {
	if when == nil || !when.ReadsUTC() || a.doc.zone == "UTC" {
		return
	}
	a.say(at, id, OtherZone, `reads an hour or a day in UTC, not in the document's zone; name it, such as context.now.getHours("%s")`, a.doc.zone)
}
