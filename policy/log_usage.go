package policy

import (
	"slices"
	"time"
)

// tappedUsage answers as the inner usage does and keeps the answers. The first answer to a question stands for the whole
// decision, so that what is logged is what was decided on. It serves one decision, in one goroutine.
type tappedUsage struct {
	inner   Usage // nil: nothing is used
	answers []answer
}

func (u *tappedUsage) Used(employer string, q Quota, key []string, period string) time.Duration {
	if used, ok := lookup(u.answers, q.ID, key, period); ok {
		return used
	}
	a := answer{Quota: q.ID, Key: slices.Clone(key), Period: period}
	if u.inner != nil {
		a.Used = u.inner.Used(employer, q, key, period)
	}
	u.answers = append(u.answers, a)
	return a.Used
}

// recordedUsage answers as a payload says. To a question that was not asked then everything is used: the decision becomes
// no laxer, and replay tells.
type recordedUsage struct {
	answers []answer
	missed  bool
}

func (u *recordedUsage) Used(_ string, q Quota, key []string, period string) time.Duration {
	used, ok := lookup(u.answers, q.ID, key, period)
	if !ok {
		u.missed = true
		return max(q.Max, maxAsked)
	}
	return used
}

func lookup(answers []answer, quota string, key []string, period string) (time.Duration, bool) {
	for _, a := range answers {
		if a.Quota == quota && a.Period == period && slices.Equal(a.Key, key) {
			return a.Used, true
		}
	}
	return 0, false
}
