package policy

import "time"

// Escalation opens more seats when a requirement has been waiting for too long. It never approves: those it asks must
// still say yes, and what the requirement's own seats refuse stays refused. The zero value opens none.
type Escalation struct {
	After time.Duration `json:"after"` // counted from the first request for agreement
	Seats []string      `json:"seats"` // a role each, one place each
}

// seatsAt returns the seats that are open at now besides the requirement's own, and when they will be if they are not.
// Nobody can tell how long a requirement has waited that nobody asked for.
func (e Escalation) seatsAt(requested, now time.Time) (seats []string, opens time.Time) {
	if e.After <= 0 || requested.IsZero() {
		return nil, time.Time{}
	}
	if at := requested.Add(e.After); now.Before(at) {
		return nil, at
	}
	return e.Seats, time.Time{}
}

func (d *decoder) escalate(n *node, a *approvalDoc) {
	d.object(n, "escalate",
		field{"after", true, func(n *node) { a.Escalate.After = d.duration(n, "after", time.Second) }},
		field{"seats", true, func(n *node) { a.Escalate.Seats = d.seats(n) }})
}

// escalationShape checks an escalation against the rest of its requirement.
func (d *decoder) escalationShape(n *node, a *approvalDoc) {
	switch seats := len(a.Seats) + len(a.Escalate.Seats); {
	case len(a.Escalate.Seats) == 0:
	case a.Ordered:
		d.fail(n, "approval: escalate stands beside order: sequence, in which later seats have no place")
	case seats > maxSeats:
		d.fail(n, "approval: %d seats in all, at most %d", seats, maxSeats)
	}
}
