package main

import "time"

var english = language{
	name: "en",
	nouns: map[string]string{
		"actor.person": "the person who acts", "actor.roles": "the roles of the person who acts",
		"resource.id": "the resource", "resource.kind": "the kind of resource", "resource.category": "the category",
		"resource.person": "the person offered", "resource.tags": "the resource's tags", "resource.topics": "the topics offered",
		"resource.certified_until": "the end of the certificate", "request.requester": "the person who asks",
		"request.mode": "the mode", "request.topics": "the topics asked for", "request.start": "the start of the work",
		"request.end": "the end of the work", "request.per_week": "the time per week", "request.total": "the time in all",
		"request.distance_km": "the distance", "price.rate": "the price per hour", "price.amount": "the amount",
		"price.currency": "the currency", "counterparty.naics": "the other side's sector", "counterparty.region": "the other side's region",
		"counterparty.country": "the other side's country", "counterparty.group": "the other side's group",
		"counterparty.certifications": "the other side's certificates", "counterparty.trust": "the other side's trust",
		"counterparty.verified": "the other side's verification", "context.now": "the time", "context.stage": "the stage",
		"context.destination": "the destination",
	},
	units: map[string]string{"price.rate": "/h", "request.per_week": " a week", "request.total": " in all"},
	says: map[string]string{
		"==": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least",
		"t<": "is before", "t<=": "is not after", "t>": "is after", "t>=": "is not before",
		"in": "is", "has": "include", "starts": "begins with", "ends": "ends with", "contains": "contains",
		"!in": "is none of", "!has": "do not include", "!starts": "does not begin with", "!ends": "does not end with", "!contains": "does not contain",
		"true": "holds", "!true": "does not hold", "present": "is given", "!present": "is not given",
	},
	texts: map[string]string{
		"denied": "Denied: %s", "denied.many": "Denied:", "permitted": "Permitted by your %s.", "waits": "Needs approval under your %s:",
		"rules": "rules %s", "rule": "rule %s", "of": "Rules of %s, version %d.", "unruled": "%s has no rules.",

		"who.rule": "your rule %s", "who.grant": "your grant %s", "who.quota": "your quota %s", "who.approval": "your approval %s",
		"who.wall": "your wall %s", "who.obligation": "the obligation %s", "who.request": "the request cannot be used",

		"least": "needs at least %s; this asks %s", "most": "allows at most %s; this asks %s",
		"more": "needs more than %s; this asks %s", "less": "allows less than %s; this asks %s",
		"least?": "needs at least %s", "most?": "allows at most %s", "more?": "needs more than %s", "less?": "allows less than %s",
		"only": "applies only if %s", "here": "here %s", "forbids": "forbids this if %s", "forbids.all": "forbids this",
		"and.here": "%s; %s", "here.is": "%s is %s", "here.are": "%s are %s", "nothing": "none",
		"missing": "needs to know %s, which the request does not say", "held": "needs to know %s, which is not released at this step",
		"missing.forbid": "forbids this unless the request says %s", "held.forbid": "forbids this, since %s is not released at this step",
		"condition": "the condition %s holds", "!condition": "the condition %s does not hold", "not": "not (%s)",

		"one.of": "one of %s", "days": "%d days", "week": "week %d of %s",
		"excluded": "excludes the other side; what decides is not shown", "no.rule": "no rule of yours opens %s for %s", "no.permit": "no rule of yours permits this",
		"no.rules": "you have published no rules", "none.may": "needs a grant, and none of yours allows %s",
		"used.up": "has nothing left in %s; this asks %s", "left": "has %s left in %s; this asks %s", "small": "asks for at least %s in %s; this asks %s",
		"used.up.all": "has nothing left; this asks %s", "left.all": "has %s left; this asks %s", "small.all": "asks for at least %s; this asks %s",
		"account": "needs to know %s, to tell accounts apart", "long": "looks %s %s ahead at most", "weeks": "weeks", "months": "months", "periods": "periods",
		"covers": "covers %s only", "revoked": "was revoked", "from": "is valid only from %s", "until": "was valid only until %s",
		"no.end": "needs to know %s, because it ends on %s", "too.late": "ends on %s, before %s", "given": "is given to %s", "the.role": "the role %s", "a.person": "another person",
		"bound.least": "needs %s to be at least %s", "bound.most": "allows %s to be at most %s",
		"refused": "was refused by those who were asked", "discharged": "was given beforehand by a grant", "unknown.duty": "is not known to whoever asks",

		"due": "%s: %s of %s must agree; %d so far", "accord": "%d", "accords": "%d", "dated": "%s", "due.expires": "; a yes counts for %s", "due.not": "; not %s", "due.escalated": "; it has waited so long that more are asked",
		"requester": "whoever asked", "offered_person": "the person offered", "consent": "the person offered must agree in person",
		"headroom": "Left of %s: %s.", "must": "You must: %s.", "may": "You may: %s.",

		"outcome.deny": "denied", "outcome.require_approval": "needs approval", "outcome.permit": "permitted",
	},
	point: ".", thousands: ",",
	money:  func(amount string) string { return "$" + amount },
	clock:  func(t time.Time) string { return t.Format("15:04") },
	first:  "1",
	months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	quote:  [2]string{"“", "”"},
	and:    "and", or: "or",
}
