package policy

import "strings"

// Bounds of what one request may cost, in the steps of a condition's estimate.
const (
	maxLoad     = 4_000_000  // of a decision, over all conditions that one request meets
	testingLoad = 50_000_000 // of the tests that an analysis runs
)

// loads is what conditions may cost, by action and category, "" being every category.
type loads map[Action]map[string]uint64

// loads sums the conditions of rules by their heads.
func (doc *document) loads() loads {
	sum := loads{}
	grants := doc.grantLoad()
	for _, r := range doc.rules {
		cost := r.load(grants)
		for _, action := range orAll(r.actions, actionList[:]) {
			if sum[action] == nil {
				sum[action] = map[string]uint64{}
			}
			for _, category := range orAll(r.categories, []string{""}) {
				sum[action][category] += cost
			}
		}
	}
	return sum
}

// load is what a rule may cost, where all grants cost so much.
func (r *rule) load(grants uint64) (cost uint64) {
	if r.when != nil {
		cost = r.when.Cost()
	}
	if r.authority {
		cost += grants
	}
	if r.need != nil {
		cost += 3 * grants // what is discharged, which seats are dead, and which are granted
	}
	return cost
}

func (doc *document) grantLoad() (cost uint64) {
	for _, g := range doc.grants {
		if g.when != nil {
			cost += g.when.Cost()
		}
	}
	return cost
}

// of is what a request of a category may cost: the sum over the category and all above it.
func (l loads) of(action Action, category string) uint64 {
	by := l[action]
	cost := by[""]
	for end := 0; end < len(category); end++ {
		next := strings.IndexByte(category[end:], '.')
		if next < 0 {
			next = len(category) - end
		}
		end += next
		cost += by[category[:end]]
	}
	return cost
}

// light refuses a document of which a single request could cost too much.
func (d *decoder) light() {
	sum, grants := uint64(0), d.doc.grantLoad()
	for _, r := range d.doc.rules {
		sum += r.load(grants)
	}
	if sum <= maxLoad {
		return // as nearly always
	}
	all := d.doc.loads()
	for _, r := range d.doc.rules {
		for _, action := range orAll(r.actions, actionList[:]) {
			for _, category := range orAll(r.categories, []string{""}) {
				if cost := all.of(action, category); cost > maxLoad {
					d.fail(r.at, "rule: the conditions that one request to %s %s meets may cost %d steps together, at most %d",
						action, orEvery(category), cost, maxLoad)
					return
				}
			}
		}
	}
}
