package match

import "time"

// Horizon returns the time that an offer speaks of: from the start of its
// first occurrence, or its availability, to the end of its last one, or its
// expiry. Ok is false if the offer is not valid or has no end.
func (o *Offer) Horizon() (start, end time.Time, ok bool) {
	c, err := compileOffer(o, loadZone)
	if err != nil {
		return start, end, false
	}
	if c.loose {
		return c.life.Start, c.life.End, !c.life.End.IsZero()
	}
	for _, s := range c.spans {
		end = later(end, s.End)
	}
	if len(c.spans) > 0 {
		start = c.spans[0].Start
	}
	return start, end, len(c.spans) > 0
}
