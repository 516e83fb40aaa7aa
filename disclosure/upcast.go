package disclosure

// versions are the present versions of the event types; others have 0.
var versions = map[EventType]int{SessionProposed: 1}

// upcasts lift an event of a type from the version that is their index.
var upcasts = map[EventType][]func(*Event){
	// From 1 on the machine is named. What was opened before began with the first.
	SessionProposed: {func(e *Event) { e.Machine = machines[0].version }},
}

// Upcast lifts an event that an earlier version of this package wrote to the
// present version of its type; [DecodeEvent] does so. The fold and the machine
// then know one version of each event. An event of a later version than this
// build knows is an error that wraps [ErrInvalid]: it might mean anything.
func Upcast(e Event) (Event, error) {
	if e.V < 0 || e.V > versions[e.Type] {
		return Event{}, &FieldError{Field: "record", Want: "of a version that this build knows"}
	}
	for e.V < versions[e.Type] {
		upcasts[e.Type][e.V](&e)
		e.V++
	}
	return e, nil
}

// Open returns the events that open a session, by the present machine:
// [SessionProposed], and [SummariesPublished] where both summaries are given.
// It fills in the proposal's defaults. The error is a [*FieldError].
func Open(p Proposal) ([]Event, error) {
	p, err := p.normal()
	if err != nil {
		return nil, err
	}
	events := []Event{{Type: SessionProposed, V: versions[SessionProposed], Machine: MachineVersion(), At: p.At, Proposal: &p}}
	if !p.Summaries[Supply].IsZero() && !p.Summaries[Demand].IsZero() {
		events = append(events, Event{Type: SummariesPublished, At: p.At})
	}
	return events, nil
}
