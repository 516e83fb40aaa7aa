package policy

import "time"

// unit reads what a quota counts; time is the default, and not written into the normal form.
func (d *decoder) unit(n *node) string {
	if d.oneOf(n, "unit", "duration", unitCount) == unitCount {
		return unitCount
	}
	return ""
}

// quotaMax reads the upper bound in the quota's unit, and checks what goes with it.
func (d *decoder) quotaMax(n, limit *node, q *quotaDoc) {
	if q.Unit != unitCount {
		if limit != nil {
			q.Max = d.duration(limit, "max", time.Second)
		}
		if q.Per == perConcurrent {
			d.fail(n, "quota: per %s needs unit %s", perConcurrent, unitCount)
		}
		return
	}
	if limit != nil {
		q.Max = time.Duration(d.integer(limit, "max", 1, 1_000_000))
	}
	if low := n.child("min"); low != nil {
		d.fail(low, "quota: a count has no min")
	}
	if q.Per == perEngagement {
		d.fail(n, "quota: an engagement counts one of itself")
	}
}
