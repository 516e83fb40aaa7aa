package terms

import (
	"strconv"
	"time"
)

// Ending is what an agreement says of its own early end, for a program to act
// on: what holds where the rules of an employer no longer allow the engagement.
type Ending struct {
	Finish bool `json:"finish,omitempty"` // it goes on as agreed; only nothing new begins
	Notice int  `json:"notice,omitempty"` // working days of notice, Monday to Friday; 0: it ends at once
	Person bool `json:"person,omitempty"` // it ends at once when the person who does the work leaves
}

// Parameters by which a template says in its own words what [Document.Ending]
// reads; see [Param.Default] for one that is always the same.
const (
	OnRules    = "on_rules"    // Name: end or finish
	NoticeDays = "notice_days" // Count: working days of notice, where on_rules is end
	OnLeaving  = "on_leaving"  // Name: end, or finish with another person
)

// standardEndings is what the clauses "termination" of the standard templates
// say, which are as old as their ids.
var standardEndings = map[string]Ending{
	"consult-v1":  {Person: true},
	"capacity-v1": {Notice: 2},
	"guidance-v1": {Notice: 5, Person: true},
}

// Ending reads how the engagement ends early: from the parameters on_rules,
// notice_days and on_leaving where the document has them, from the standard
// text where it has that. A document that says nothing of it is finished as
// agreed: its parties end it themselves.
func (d Document) Ending() Ending {
	e, known := standardEndings[d.Template]
	if rule, ok := d.Params[OnRules]; ok {
		e.Finish = rule != "end"
	} else if !known {
		e.Finish = true
	}
	if days, err := strconv.Atoi(d.Params[NoticeDays]); err == nil {
		e.Notice = days
	}
	if rule, ok := d.Params[OnLeaving]; ok {
		e.Person = rule == "end"
	}
	return e
}

// Until returns when a notice given at an instant has run out: at the same time
// of day, Notice working days later, in the zone of at. Holidays are not known.
func (e Ending) Until(at time.Time) time.Time {
	for left := min(e.Notice, maxNotice); left > 0; {
		if at = at.AddDate(0, 0, 1); at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
			left--
		}
	}
	return at
}

// maxNotice bounds what Until walks through: about ten years.
const maxNotice = 2600
