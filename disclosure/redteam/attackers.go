package redteam

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Attackers returns all that the package has, in the order of the note's
// threats.
func Attackers() []Attacker {
	return []Attacker{
		{"canary", "a token of a firm that is not revealed is read somewhere on the way of a deal", canary},
		{"storm", "a malformed or misdirected call panics, succeeds or answers with a token", storm},
		{"prober", "answers within the budget recover the vector of a listing's text beyond cosine 0.25", prober},
		{"bisect", "a private bound is learnt to more than one bit by asking again", bisect},
		{"timing", "what happened on the other side of a session, or why nothing was found, can be told apart", timing},
		{"collude", "two firms together find the same offer behind two of their candidates beyond the class of k", collude},
		{"sybil", "one employer's own listings or firms make up a class, so that a rare offer is shown", sybil},
		{"replay", "an old command, or another's handle or command id, does something again or tells something", replay},
		{"peek", "one side reads the other's identity while the other cannot read its own", peek},
	}
}

// bound is a private bound that can be asked about.
type bound struct {
	name   string
	plant  func(o *Offer, secret int) // the larger the secret, the more questions fit
	ask    func(q *Question, value int)
	lo, hi int // question value fits if value ≤ secret, both in [lo, hi)
}

// secrets is how many values a secret has: 4 bits.
const secrets = 16

func bounds() []bound {
	return []bound{
		{"price", func(o *Offer, s int) { o.Floor = int64(14_500 - 300*s) }, func(q *Question, v int) { q.Ceiling = int64(14_500 - 300*v) }, 0, secrets},
		{"hours left", func(o *Offer, s int) { o.Hours = 40 + 10*s }, func(q *Question, v int) { q.Hours = 40 + 10*v }, 0, secrets},
		{"last day", func(o *Offer, s int) { o.Until = 40 + 2*s }, func(q *Question, v int) { q.From, q.Until, q.Hours = 30+2*v, 40+2*v, 20 }, 0, secrets},
		{"tolerance", func(o *Offer, s int) { o.Tolerance = 100 - 5*s }, func(q *Question, v int) { q.Tolerance = 100 - 5*v }, 0, secrets},
	}
}

// strategies say what to ask next, knowing that the secret lies in [lo, hi).
var strategies = []struct {
	name string
	next func(lo, hi int) int
}{
	{"halving", func(lo, hi int) int { return (lo + hi) / 2 }},
	{"from the sure side", func(lo, _ int) int { return lo + 1 }},
	{"from the far side", func(_, hi int) int { return hi - 1 }},
}

// bisect plants each secret in turn, asks as a bisecting firm would, and counts
// how many secrets its answers tell apart.
func bisect(ctx context.Context, c *Campaign) error {
	for _, b := range bounds() {
		for _, s := range strategies {
			var answers []string
			fits := false
			for secret := range secrets {
				told, fit, err := c.asksFor(b, s.next, secret)
				if err != nil {
					return err
				}
				answers, fits = append(answers, told), fits || fit
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			bits := Entropy(answers)
			c.Learn(bits)
			c.Note("%s, %s: %.2f bits", b.name, s.name, bits)
			if bits > 1+1e-9 {
				c.Violate("%s: %.2f bits by asking %s", b.name, bits, s.name)
			}
			if !fits {
				c.Note("%s, %s: nothing ever fitted", b.name, s.name)
			}
		}
	}
	return nil
}

// asksFor plays one strategy against one secret. All that the asking firm was
// told counts, not only the number of candidates.
func (c *Campaign) asksFor(b bound, next func(lo, hi int) int, secret int) (told string, fit bool, err error) {
	p := Usual(c.Seed, c.K)
	b.plant(p.Firms[victim].Offer, secret)
	f, err := c.Open(p)
	if err != nil {
		return "", false, err
	}
	var t Transcript
	lo, hi := b.lo, b.hi
	for i := range 2 * c.Budget {
		if hi-lo < 2 {
			break
		}
		v := next(lo, hi)
		q := UsualQuestion()
		b.ask(&q, v)
		a := f.Do(Move{Verb: Ask, Firm: buyer, Thing: fmt.Sprint("need-", i), Question: q})
		t.Add(a)
		if len(a.Finds) > 0 {
			lo, fit = v, true
		} else {
			hi = v
		}
	}
	return t.String(), fit, nil
}

// prober asks with texts of its own about one offer, and solves for the vector
// of the offer's text.
func prober(ctx context.Context, c *Campaign) error {
	const trials = 3
	var sum [2]float64
	for trial := range trials {
		p := Usual(c.Seed+uint64(trial), c.K)
		secret := c.phrase()
		p.Firms[victim].Offer.Text = secret
		truth, ok, err := c.Embed(secret)
		if err != nil {
			return err
		}
		if !ok {
			c.Note("the target has no vectors")
			return nil
		}
		f, err := c.Open(p)
		if err != nil {
			return err
		}
		mean, err := c.meanWord()
		if err != nil {
			return err
		}
		var rows [][]float64
		var right []float64
		for i := range 4 * c.Budget {
			text := c.phrase()
			q := UsualQuestion()
			q.Text = text
			a := f.Do(Move{Verb: Ask, Firm: buyer, Thing: fmt.Sprint("need-", i), Question: q})
			v, _, err := c.Embed(text)
			if err != nil {
				return err
			}
			if len(a.Finds) > 0 {
				rows, right = append(rows, centred(v, mean)), append(right, float64(a.Finds[0].Band))
			}
		}
		got := Cosine(Recover(rows, deviations(right), 0), centred(truth, mean))
		sum[0] += got
		sum[1] += float64(len(rows))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	cosine, answered := sum[0]/trials, sum[1]/trials
	c.Note("%.0f of %d questions answered, mean cosine %.2f", answered, 4*c.Budget, cosine)
	if cosine > 0.25 {
		c.Violate("the vector of a text is recovered to cosine %.2f", cosine)
	}
	if cosine > 0 {
		c.Learn(-0.5 * math.Log2(1-min(cosine*cosine, 1-1e-12))) // mutual information of normal variables of this correlation
	}
	return nil
}

var trade = strings.Fields(`titanium inconel aluminium steel roughing finishing fixture spindle probing coolant helical impeller bracket housing manifold gear
	spline bore thread deburr anodise grind hone lap weld braze cast forge stamp bend laser waterjet plasma turning milling drilling
	reaming tapping broaching knurling polishing plating coating heat quench temper anneal nitride carburise inspect gauge`)

// phrase draws eight words of the trade.
func (c *Campaign) phrase() string {
	var out []string
	for range 8 {
		out = append(out, trade[c.Rand.IntN(len(trade))])
	}
	return strings.Join(out, " ")
}

func (c *Campaign) meanWord() ([]float64, error) {
	var mean []float64
	for range 32 {
		v, _, err := c.Embed(c.phrase())
		if err != nil {
			return nil, err
		}
		if mean == nil {
			mean = make([]float64, len(v))
		}
		for i, x := range v {
			mean[i] += float64(x) / 32
		}
	}
	return mean, nil
}

func centred(v []float32, mean []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x) - mean[i]
	}
	return out
}

func deviations(v []float64) []float64 {
	mean := 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x - mean
	}
	return out
}

// sight is everything that a side's people can read of a session now.
func (f *Field) sight(t *Transcript, firm int, handle string) {
	for _, m := range []Move{
		{Verb: Totals}, {Verb: Summary, ID: "sight"}, {Verb: Who}, {Verb: Status}, {Verb: Inbox}, {Verb: Trail}, {Verb: Proof},
		{Verb: Status, As: Approver}, {Verb: Inbox, As: Approver}, {Verb: Status, As: Bystander}, {Verb: Inbox, As: Bystander},
	} {
		m.Firm, m.Handle = firm, handle
		t.Add(f.Do(m))
	}
}

// timing compares what a side reads while the other side does this or that, and
// what it reads of a search that finds nothing.
func timing(ctx context.Context, c *Campaign) error {
	for watcher := range 2 {
		moves := refusals(1 - watcher)
		var told []string
		for _, m := range moves {
			text, err := c.watches(watcher, m.do)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			told = append(told, text)
			if d := Differ(told[0], text); d != "" {
				c.Violate("firm %d tells %q from %q: %s", watcher, moves[0].name, m.name, d)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		c.Learn(Entropy(told))
	}
	var told []string
	for _, cause := range nothings() {
		p := Usual(c.Seed, c.K)
		cause.plant(p.Firms[victim].Offer)
		f, err := c.Open(p)
		if err != nil {
			return err
		}
		if cause.retract {
			f.Play(Move{Verb: Retract, Firm: victim})
		}
		var t Transcript
		for i := range 3 {
			t.Add(f.Do(Move{Verb: Ask, Firm: buyer, Thing: fmt.Sprint("need-", i), Question: UsualQuestion()}))
			t.Add(f.Do(Move{Verb: Look, Firm: buyer, Thing: fmt.Sprint("need-", i)}))
			t.Add(f.Do(Move{Verb: Inbox, Firm: buyer}))
		}
		told = append(told, t.String())
		if d := Differ(told[0], t.String()); d != "" {
			c.Violate("%q reads other than %q: %s", cause.name, nothings()[0].name, d)
		}
	}
	c.Learn(Entropy(told))
	c.Note("%d ways of not saying yes on each side, %d causes of no match", len(refusals(0)), len(told))
	return nil
}

// refusal is one way of not saying yes.
type refusal struct {
	name string
	do   []Move
}

// refusals are those of a firm; the handle is put in when they are played.
func refusals(firm int) []refusal {
	in, out := Move{Verb: OptIn, Firm: firm}, Move{Verb: OptOut, Firm: firm}
	yes, no := Move{Verb: Approve, Firm: firm, As: Approver}, Move{Verb: Refuse, Firm: firm, As: Approver, Words: "not this quarter"}
	back, look := Move{Verb: Revoke, Firm: firm, As: Approver, Words: "not this quarter"}, Move{Verb: Summary, Firm: firm}
	return []refusal{
		{"silence", nil}, {"opt-out", []Move{out}}, {"denial", []Move{no}}, {"a look", []Move{look}},
		{"opt-in alone", []Move{in}}, {"approval alone", []Move{yes}}, {"opt-in and opt-out", []Move{in, out}},
		{"opt-in and denial", []Move{in, no}}, {"approval and revocation", []Move{yes, back}}, {"a refusal at the door", []Move{{Verb: Who, Firm: firm}}},
	}
}

// nothing is a reason for finding nothing.
type nothing struct {
	name    string
	plant   func(*Offer)
	retract bool
}

func nothings() []nothing {
	return []nothing{
		{"withdrawn", func(*Offer) {}, true},
		{"too dear", func(o *Offer) { o.Floor = dear }, false},
		{"hours gone", func(o *Offer) { o.Hours = 1 }, false},
		{"not there yet", func(o *Offer) { o.From = 60 }, false},
	}
}

// watches plays a side's whole life with a session in which the other side does
// some moves, and returns what it was told.
func (c *Campaign) watches(watcher int, moves []Move) (string, error) {
	f, demand, supply, err := c.meet()
	if err != nil {
		return "", err
	}
	handles := [2]string{demand, supply}
	own, other := handles[watcher], handles[1-watcher]
	for _, m := range consents(demand, supply) {
		if m.Firm == watcher {
			f.Play(m)
		}
	}
	if err := f.Pass(time.Hour); err != nil {
		return "", err
	}
	for _, m := range moves {
		m.Handle = other
		f.Play(m)
	}
	var t Transcript
	for _, wait := range []time.Duration{0, 30 * time.Minute, 11 * time.Hour, 13 * time.Hour, time.Hour, 31 * 24 * time.Hour} {
		if err := f.Pass(wait); err != nil {
			return "", err
		}
		f.sight(&t, watcher, own)
	}
	for _, m := range consents(demand, supply) {
		if m.Firm == watcher {
			t.Add(f.Do(m))
		}
	}
	return t.String(), nil
}

// canary walks the way of a deal and lets everybody read everything at each
// step.
func canary(_ context.Context, c *Campaign) error {
	p := Usual(c.Seed, c.K)
	p.Firms[victim].Offer.Text = "five axis " + c.phrase()
	p.Crowd = true
	f, err := c.Open(p)
	if err != nil {
		return err
	}
	demand, supply, err := f.meets(UsualQuestion())
	if err != nil {
		return err
	}
	handles := [2]string{demand, supply}
	look := func() {
		var t Transcript
		for firm, h := range handles {
			f.sight(&t, firm, h)
			t.Add(f.Do(Move{Verb: Look, Firm: firm, Thing: "need"}))
			t.Add(f.Do(Move{Verb: Own, Firm: firm, Thing: OfferOf(firm)}))
			t.Add(f.Do(Move{Verb: Own, Firm: firm, Thing: OfferOf(victim)}))
		}
		for firm := range f.Plant.Firms {
			for _, h := range handles {
				if firm > victim {
					f.sight(&t, firm, h)
				}
			}
			t.Add(f.Do(Move{Verb: Totals, Firm: firm}))
		}
		t.Add(f.Do(Move{Verb: Outside, Firm: -1, As: Outsider}))
	}
	look()
	steps := consents(demand, supply)
	for i, m := range steps {
		if i == len(steps)-1 {
			f.Reveal(buyer, victim)
		}
		if a := f.Play(m); !a.OK {
			return fmt.Errorf("%s was refused: %.200s", told(m), a.Seen)
		}
		look()
	}
	a := f.Do(Move{Verb: Who, Firm: buyer, Handle: demand})
	if !a.Reads {
		return fmt.Errorf("four consents reveal nobody: %.200s", a.Seen)
	}
	f.Play(Move{Verb: Leave, Firm: victim, Handle: supply, Words: "over"})
	look()
	c.Note("%d readings of %d bytes on the way to a reveal and behind it", c.score.Probes, c.score.Bytes)
	return nil
}

// peek looks first and runs, and looks where it may not yet.
func peek(_ context.Context, c *Campaign) error {
	for subset := range 16 {
		f, demand, supply, err := c.meet()
		if err != nil {
			return err
		}
		for i, m := range consents(demand, supply) {
			if subset>>i&1 == 1 {
				f.Play(m)
			}
		}
		if subset == 15 {
			f.Reveal(buyer, victim)
		}
		a := f.Do(Move{Verb: Who, Firm: buyer, Handle: demand})
		b := f.Do(Move{Verb: Who, Firm: victim, Handle: supply})
		if a.Reads != b.Reads {
			c.Violate("with consents %04b one side alone reads the other", subset)
		}
		if subset < 15 && (a.Reads || b.Reads) {
			c.Violate("with consents %04b an identity is read", subset)
		}
		if subset == 15 && !a.Reads {
			return fmt.Errorf("four consents reveal nobody: %.200s", a.Seen)
		}
	}
	for _, first := range []int{buyer, victim} {
		for _, run := range []Move{{Verb: Leave, Words: "thank you"}, {Verb: Revoke, As: Approver, Words: "thank you"}, {Verb: OptOut}, {Verb: Refuse, As: Approver}, {Verb: Retract}} {
			if err := c.runsAway(first, run); err != nil {
				return err
			}
		}
	}
	c.Note("16 sets of consents; 2 sides, 5 ways to run")
	return nil
}

// runsAway lets one side look and go, and then the other look.
func (c *Campaign) runsAway(first int, run Move) error {
	f, demand, supply, err := c.meet()
	if err != nil {
		return err
	}
	handles := [2]string{demand, supply}
	f.Reveal(buyer, victim)
	for _, m := range consents(demand, supply) {
		f.Play(m)
	}
	if a := f.Do(Move{Verb: Who, Firm: first, Handle: handles[first]}); !a.Reads {
		return fmt.Errorf("four consents reveal nobody: %.200s", a.Seen)
	}
	run.Firm, run.Handle = first, handles[first]
	f.Do(run)
	for _, wait := range []time.Duration{0, time.Hour, 48 * time.Hour} {
		if err := f.Pass(wait); err != nil {
			return err
		}
		mine := f.Do(Move{Verb: Who, Firm: first, Handle: handles[first]})
		theirs := f.Do(Move{Verb: Who, Firm: 1 - first, Handle: handles[1-first]})
		if !theirs.Reads {
			c.Violate("firm %d looks, goes by %q, and %v later the other cannot look", first, run.Verb, wait)
		}
		if mine.Reads != theirs.Reads {
			c.Violate("firm %d goes by %q, and %v later one side alone can look", first, run.Verb, wait)
		}
	}
	return nil
}

// replay gives old commands again, and others' handles and ids.
func replay(_ context.Context, c *Campaign) error {
	for side := range 2 {
		for _, out := range []Verb{OptOut, Leave} {
			if err := c.replays(side, out); err != nil {
				return err
			}
		}
	}
	return c.misdirected()
}

// replays takes a consent back and gives the old command for it again; then
// everybody else says yes.
func (c *Campaign) replays(side int, out Verb) error {
	for _, party := range []bool{true, false} {
		f, demand, supply, err := c.meet()
		if err != nil {
			return err
		}
		handle := [2]string{demand, supply}[side]
		yes, no := Move{Verb: OptIn, ID: "yes"}, Move{Verb: out, ID: "no", Words: "no"}
		if !party {
			yes, no = Move{Verb: Approve, ID: "yes", As: Approver}, Move{Verb: Revoke, ID: "no", As: Approver, Words: "no"}
		}
		for _, m := range []*Move{&yes, &no} {
			m.Firm, m.Handle = side, handle
		}
		if a := f.Play(yes); !a.OK {
			return fmt.Errorf("%s was refused: %.200s", told(yes), a.Seen)
		}
		if a := f.Play(no); !a.OK {
			return fmt.Errorf("%s was refused: %.200s", told(no), a.Seen)
		}
		for range 3 {
			f.Do(yes)
		}
		for _, m := range consents(demand, supply) {
			if m.Firm != yes.Firm || m.As != yes.As {
				f.Play(m)
			}
			f.Do(yes)
		}
		for firm, h := range []string{demand, supply} {
			if a := f.Do(Move{Verb: Who, Firm: firm, Handle: h}); a.Reads {
				c.Violate("firm %d's %q, taken back by %q and replayed, reveals", side, yes.Verb, no.Verb)
			}
		}
	}
	return nil
}

// misdirected uses handles and command ids of others. What a stranger is told of
// a session there is must be what it is told of one that there is not.
func (c *Campaign) misdirected() error {
	f, demand, supply, err := c.meet()
	if err != nil {
		return err
	}
	handles := [2]string{demand, supply}
	f.Play(Move{Verb: OptIn, Firm: buyer, Handle: demand, ID: "theirs"})
	for _, who := range []Move{{Firm: 2}, {Firm: 2, As: Approver}, {Firm: 3, As: Bystander}, {Firm: 3, As: Outsider}, {Firm: buyer}, {Firm: victim, As: Approver}} {
		for _, target := range handles {
			if who.Firm < 2 && handles[who.Firm] == target {
				continue
			}
			for _, verb := range Sessional() {
				for _, id := range []string{"", "theirs"} {
					var real, invented Transcript
					who.Verb, who.ID = verb, id
					who.Handle = target
					a := f.Do(who)
					real.Add(a)
					who.Handle = invent(target)
					b := f.Do(who)
					invented.Add(b)
					if d := Differ(real.String(), invented.String()); d != "" {
						c.Violate("%s tells another's session from none: %s", told(who), d)
						c.Learn(1)
					}
					if a.OK || a.Reads {
						c.Violate("%s works on another's session", told(who))
					}
				}
			}
		}
	}
	if a := f.Play(Move{Verb: OptIn, Firm: victim, Handle: supply, ID: "theirs"}); !a.OK {
		c.Violate("a command id that the other side has used is taken: %.120s", a.Seen)
	}
	return nil
}

// invent changes a handle by one digit, keeping its form.
func invent(handle string) string {
	b := []byte(handle)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] >= '0' && b[i] <= '9' {
			b[i] = '0' + (b[i]-'0'+1)%10
			return string(b)
		}
	}
	return handle + "0"
}

// collude lets pairs of firms ask the same, and lays what they are shown side by
// side. With m offers of one class, a guess is right once in m; handles, order,
// sizes and places must not make it better than the class of k and the two bands
// allow.
func collude(ctx context.Context, c *Campaign) error {
	rounds := min(24, max(8, c.Probes/100))
	right := map[string]float64{}
	tries, finds, allowed := 0, 0, 0.0
	offers := c.K + 3
	for round := range rounds {
		p := Usual(c.Seed+uint64(round), c.K)
		p.Firms = p.Firms[:1]
		r := c.Rand
		for i := 1; i <= offers; i++ {
			f := Named(r, i)
			f.Site = 0 // everybody in one place: distance is another matter
			f.Offer = &Offer{Machine: usualMachine, Floor: int64(9000 + r.IntN(500)), Hours: 60 + r.IntN(100), Until: 60 + r.IntN(60), Tolerance: 10 + r.IntN(10), Text: c.phrase()}
			p.Firms = append(p.Firms, f)
		}
		second := len(p.Firms)
		mate := Named(r, second)
		mate.Site = 0
		p.Firms = append(p.Firms, mate)
		f, err := c.Open(p)
		if err != nil {
			return err
		}
		q := UsualQuestion()
		q.Text = "titanium bracket finishing"
		a := f.Do(Move{Verb: Ask, Firm: buyer, Thing: "need", Question: q})
		b := f.Do(Move{Verb: Ask, Firm: second, Thing: "need-of-the-other", Question: q})
		if len(a.Finds) > 1 && len(b.Finds) > 1 {
			tries++
			finds += len(a.Finds)
			allowed += max(1/float64(c.K), float64(min(2, bandsOf(a.Finds)))/float64(offers))
			truth := [2][]int{f.whose(buyer, a.Finds), f.whose(second, b.Finds)}
			for name, link := range links() {
				right[name] += linked(a.Finds, b.Finds, truth, link)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if tries == 0 {
		c.Note("nobody was shown two candidates")
		return nil
	}
	var names []string
	for name := range right {
		names = append(names, name)
	}
	slices.Sort(names)
	most := byLuck(allowed/float64(tries), finds)
	for _, name := range names {
		share := right[name] / float64(tries)
		c.Note("by %s: %.2f right, a guess is %.2f", name, share, 1/float64(offers))
		if share > most {
			c.Violate("by %s two candidates are found to be one offer: %.2f right, the class of %d allows %.2f", name, share, c.K, most)
		}
		if share > 0 {
			c.Learn(math.Log2(share * float64(offers)))
		}
	}
	return nil
}

// bandsOf is how many bands finds lie in. A band is shown on purpose, so who
// guesses evenly within each is right for one find of each band.
func bandsOf(finds []Find) int {
	bands := map[int]bool{}
	for _, f := range finds {
		bands[f.Band] = true
	}
	return len(bands)
}

// byLuck is the largest share of finds that guesses may get right of which this
// share is right on average. What guesses in an order drawn at random get right
// is distributed as the fixed points of a permutation, so its variance is its
// mean. At five deviations three runs in a million are beyond it by luck.
func byLuck(share float64, finds int) float64 {
	return share + 5*math.Sqrt(share/float64(finds))
}

// links are the ways of saying how likely two finds are the same offer, 0 for
// not at all. A way that finds several equally good guesses among them.
func links() map[string]func(a, b Find, i, j int) int {
	return map[string]func(a, b Find, i, j int) int{
		"handle": func(a, b Find, _, _ int) int { return shared(a.Handle, b.Handle) },
		"order":  func(_, _ Find, i, j int) int { return b2i(i == j) },
		"shown":  func(a, b Find, _, _ int) int { return b2i(a.Shown == b.Shown && a.Band == b.Band) },
		"size":   func(a, b Find, _, _ int) int { return b2i(len(a.Shown) == len(b.Shown)) },
	}
}

// shared is how many characters in a row two handles have in common.
func shared(a, b string) int {
	most := 0
	for i := range len(a) {
		for i+most < len(a) && strings.Contains(b, a[i:i+most+1]) {
			most++
		}
	}
	return most
}

// whose lets the judge select each find, and see who is invited: the indexes of
// the firms, or −1.
func (f *Field) whose(firm int, finds []Find) []int {
	waiting := func(i int) int { return len(f.Play(Move{Verb: Inbox, Firm: i}).Finds) }
	before := make([]int, len(f.Plant.Firms))
	for i := range before {
		before[i] = waiting(i)
	}
	var out []int
	for _, find := range finds {
		who := -1
		f.Play(Move{Verb: Select, Firm: firm, Handle: find.Handle})
		for i := range before {
			if n := waiting(i); n > before[i] && i != firm {
				who, before[i] = i, n
				break // one find is one firm's
			}
		}
		out = append(out, who)
	}
	return out
}

// linked is how often a way of linking is right, guesses evenly divided.
func linked(as, bs []Find, truth [2][]int, like func(a, b Find, i, j int) int) float64 {
	sum := 0.0
	for i, a := range as {
		best, right, candidates := 1, 0, 0
		for j, b := range bs {
			l := like(a, b, i, j)
			if l > best {
				best, right, candidates = l, 0, 0
			}
			if l == best {
				candidates++
				right += b2i(truth[0][i] >= 0 && truth[0][i] == truth[1][j])
			}
		}
		if candidates > 0 {
			sum += float64(right) / float64(candidates)
		}
	}
	return sum / float64(len(as))
}

// sybil plants a rare offer and makes up a class around it.
func sybil(_ context.Context, c *Campaign) error {
	for _, form := range []struct {
		name   string
		groups func(i int) string
		count  bool // as a violation
	}{
		{"firms of one employer group", func(int) string { return "the-attackers" }, true},
		{"firms of the group that looks", func(int) string { return "group-0" }, true},
		{"firms that are said to be independent", func(i int) string { return fmt.Sprint("sham-", i) }, false},
	} {
		p := Usual(c.Seed, c.K)
		p.Firms[victim].Offer.Machine = rareMachine
		alone, err := c.shown(p)
		if err != nil {
			return err
		}
		if alone > 0 {
			c.Violate("an offer like no other is shown to a stranger")
		}
		for i := range c.K - 1 {
			f := Named(c.Rand, len(p.Firms))
			f.Group = form.groups(i)
			f.Offer = &Offer{Machine: rareMachine, Floor: dear, Hours: usualHours, Until: 92, Tolerance: 20}
			p.Firms = append(p.Firms, f)
		}
		found, err := c.shown(p)
		if err != nil {
			return err
		}
		c.Note("%d %s: the offer is %s", c.K-1, form.name, map[bool]string{true: "shown", false: "not shown"}[found > 0])
		if found > 0 {
			c.Learn(math.Log2(float64(c.K)))
			if form.count {
				c.Violate("%d %s make up a class of %d", c.K-1, form.name, c.K)
			}
		}
	}
	c.Note("who is independent is for the host to verify: the last form is scored and is no violation")
	return nil
}

const rareMachine = "wire_edm_machine"

// shown asks for the rare machine and counts summaries that name it.
func (c *Campaign) shown(p Plant) (int, error) {
	f, err := c.Open(p)
	if err != nil {
		return 0, err
	}
	q := UsualQuestion()
	q.Machine = rareMachine
	a := f.Do(Move{Verb: Ask, Firm: buyer, Thing: "need", Question: q})
	count := 0
	for _, find := range a.Finds {
		if strings.Contains(strings.ToLower(squeezed(find.Shown)), "edm") {
			count++
		}
	}
	return count, nil
}
