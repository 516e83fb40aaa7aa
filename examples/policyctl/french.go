package main

import "time"

var french = language{
	name: "fr",
	nouns: map[string]string{
		"actor.person": "la personne qui agit", "actor.roles": "les rôles de la personne qui agit",
		"resource.id": "la ressource", "resource.kind": "le type de ressource", "resource.category": "la catégorie",
		"resource.person": "la personne offerte", "resource.tags": "les étiquettes de la ressource", "resource.topics": "les sujets offerts",
		"resource.certified_until": "la fin du certificat", "request.requester": "la personne qui demande",
		"request.mode": "le mode", "request.topics": "les sujets demandés", "request.start": "le début du travail",
		"request.end": "la fin du travail", "request.per_week": "le temps par semaine", "request.total": "le temps en tout",
		"request.distance_km": "la distance", "price.rate": "le prix à l'heure", "price.amount": "le montant",
		"price.currency": "la monnaie", "counterparty.naics": "le secteur de l'autre partie", "counterparty.region": "la région de l'autre partie",
		"counterparty.country": "le pays de l'autre partie", "counterparty.group": "le groupe de l'autre partie",
		"counterparty.certifications": "les certificats de l'autre partie", "counterparty.trust": "la confiance dans l'autre partie",
		"counterparty.verified": "la vérification de l'autre partie", "context.now": "l'heure", "context.stage": "l'étape",
		"context.destination": "la destination",
	},
	units: map[string]string{"price.rate": "/h", "request.per_week": " par semaine", "request.total": " en tout"},
	says: map[string]string{
		"==": "est", "!=": "n'est pas", "<": "est inférieur à", "<=": "est d'au plus", ">": "est supérieur à", ">=": "est d'au moins",
		"t<": "vient avant", "t<=": "ne vient pas après", "t>": "vient après", "t>=": "ne vient pas avant",
		"in": "est", "has": "comprennent", "starts": "commence par", "ends": "finit par", "contains": "contient",
		"!in": "n'est aucun de", "!has": "ne comprennent pas", "!starts": "ne commence pas par", "!ends": "ne finit pas par", "!contains": "ne contient pas",
		"true": "vaut", "!true": "ne vaut pas", "present": "figure dans la demande", "!present": "ne figure pas dans la demande",
	},
	texts: map[string]string{
		"denied": "Refusé : %s", "denied.many": "Refusé :", "permitted": "Permis par %s.", "waits": "À approuver selon %s :",
		"rules": "vos règles %s", "rule": "votre règle %s", "of": "Règles de %s, version %d.", "unruled": "%s n'a pas de règles.",

		"who.rule": "votre règle %s", "who.grant": "votre délégation %s", "who.quota": "votre quota %s", "who.approval": "votre approbation %s",
		"who.wall": "votre cloison %s", "who.obligation": "l'obligation %s", "who.request": "la demande est inutilisable",

		"least": "exige au moins %s ; ceci demande %s", "most": "permet au plus %s ; ceci demande %s",
		"more": "exige plus de %s ; ceci demande %s", "less": "permet moins de %s ; ceci demande %s",
		"least?": "exige au moins %s", "most?": "permet au plus %s", "more?": "exige plus de %s", "less?": "permet moins de %s",
		"only": "ne s'applique que si %s", "here": "ici %s", "forbids": "interdit ceci si %s", "forbids.all": "interdit ceci",
		"and.here": "%s ; %s", "here.is": "%s est %s", "here.are": "%s sont %s", "nothing": "aucun",
		"missing": "doit connaître %s, que la demande ne dit pas", "held": "doit connaître %s, qui n'est pas communiqué à cette étape",
		"missing.forbid": "interdit ceci tant que la demande ne dit pas %s", "held.forbid": "interdit ceci, car %s n'est pas communiqué à cette étape",
		"condition": "la condition %s est remplie", "!condition": "la condition %s n'est pas remplie", "not": "non (%s)",

		"one.of": "l'un de %s", "days": "%d jours", "week": "la semaine %d de %s",
		"excluded": "exclut l'autre partie ; le motif n'est pas montré", "no.rule": "aucune de vos règles n'ouvre %s pour %s", "no.permit": "aucune de vos règles ne le permet",
		"no.rules": "vous n'avez publié aucune règle", "none.may": "exige une délégation, et aucune des vôtres ne permet %s",
		"used.up": "est épuisé pour %s ; ceci demande %s", "left": "laisse encore %s pour %s ; ceci demande %s", "small": "exige au moins %s pour %s ; ceci demande %s",
		"used.up.all": "est épuisé ; ceci demande %s", "left.all": "laisse encore %s ; ceci demande %s", "small.all": "exige au moins %s ; ceci demande %s",
		"account": "doit connaître %s, pour distinguer les comptes", "long": "ne regarde qu'à %s %s", "weeks": "semaines", "months": "mois", "periods": "périodes",
		"covers": "ne couvre que %s", "revoked": "a été révoquée", "from": "n'est valable qu'à partir du %s", "until": "n'était valable que jusqu'au %s",
		"no.end": "doit connaître %s, car elle finit le %s", "too.late": "finit le %s, avant %s", "given": "est donnée à %s", "the.role": "la fonction %s", "a.person": "une autre personne",
		"bound.least": "exige que %s soit d'au moins %s", "bound.most": "permet que %s soit d'au plus %s",
		"refused": "a été refusée par ceux à qui on l'a demandée", "discharged": "a été donnée d'avance par une délégation", "unknown.duty": "n'est pas connue de celui qui demande",

		"due": "%s : %s parmi %s ; %d jusqu'ici", "accord": "%d accord requis", "accords": "%d accords requis", "dated": "le %s", "due.expires": " ; un oui vaut %s", "due.not": " ; sauf %s", "due.escalated": " ; l'attente a ouvert d'autres sièges",
		"requester": "la personne qui demande", "offered_person": "la personne offerte", "consent": "la personne offerte doit accepter elle-même",
		"headroom": "Reste de %s : %s.", "must": "Vous devez : %s.", "may": "Vous pouvez : %s.",

		"outcome.deny": "refusé", "outcome.require_approval": "à approuver", "outcome.permit": "permis",
	},
	point: ",", thousands: " ",
	money:  func(amount string) string { return amount + " $" },
	clock:  func(t time.Time) string { return t.Format("15 h 04") },
	first:  "1er",
	months: [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	quote:  [2]string{"« ", " »"},
	and:    "et", or: "ou",
}
