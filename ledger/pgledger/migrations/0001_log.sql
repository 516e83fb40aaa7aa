-- The log: one row that says how far it reaches, the entries, and the secrets.
-- The schema's name is set by the caller, as search_path.

-- head is the row every commit compares and swaps. Its lock orders the commits
-- of all processes, so positions have no gaps and become visible in order.
create table head (
	one      boolean primary key default true check (one),
	id       bytea   not null check (octet_length(id) = 16),   -- random, tells logs apart
	size     bigint  not null check (size >= 0),
	root     bytea   not null check (octet_length(root) = 32),
	system   bigint  not null,                                 -- the cluster and the timeline
	timeline bigint  not null                                  -- of the last commit
);

insert into head (id, size, root, system, timeline)
values (decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 0, sha256(''), 0, 0);

create table entry (
	pos     bigint primary key,   -- from 0, taken from head
	leaf    bytea  not null,      -- the record in the tree: tags and commitments
	header  bytea  not null,      -- ciphertext
	payload bytea                 -- ciphertext; null once erased
);

-- Ciphertexts do not compress.
alter table entry alter column header set storage external;
alter table entry alter column payload set storage external;

-- The second line behind head: a key or a stream's version occurs once, whatever
-- a log believes. The tags are read out of the leaf, which begins with its
-- domain (2 + 19 bytes) and the time (8), then position tag and key tag (32 each);
-- half a tag, 128 bits, is as unique and makes a smaller index.
create unique index entry_position on entry (substring(leaf from 30 for 16))
	where substring(leaf for 21) = '\x0013'::bytea || 'csss/ledger/leaf/v1'::bytea;
create unique index entry_key on entry (substring(leaf from 62 for 16))
	where substring(leaf for 21) = '\x0013'::bytea || 'csss/ledger/leaf/v1'::bytea;

create table secret (
	name  text  primary key,
	value bytea not null
);
alter table secret alter column value set storage external;
