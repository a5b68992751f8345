-- A second business's tables: other names, keys that are UUIDs, nothing in common with the learners.
CREATE SCHEMA atelier;
CREATE TABLE atelier.homes (
    home_id uuid PRIMARY KEY,
    line text,
    zip text
);
CREATE TABLE atelier.members (
    member_id uuid PRIMARY KEY,
    mail text NOT NULL,
    mail_since timestamptz,
    called text NOT NULL,
    tel text,
    home uuid REFERENCES atelier.homes (home_id)
);
CREATE INDEX ON atelier.members (lower(mail));
CREATE INDEX ON atelier.members (home);
CREATE TABLE atelier.visits (
    visit_id uuid PRIMARY KEY,
    member uuid NOT NULL REFERENCES atelier.members (member_id),
    note text,
    seen timestamptz NOT NULL
);
CREATE INDEX ON atelier.visits (member);
CREATE TABLE atelier.bills (
    bill_no text PRIMARY KEY,
    member uuid NOT NULL,
    payer_mail text NOT NULL,
    billed_on date NOT NULL,
    amount numeric(10, 2) NOT NULL
);
CREATE INDEX ON atelier.bills (member);
CREATE INDEX ON atelier.bills (lower(payer_mail));
CREATE TABLE atelier.sayings (
    saying_id uuid PRIMARY KEY,
    writer uuid REFERENCES atelier.members (member_id),
    writer_name text,
    said text NOT NULL
);
CREATE INDEX ON atelier.sayings (writer);

-- forty members; the seventh is Ilse, who shares a home with the eighth
INSERT INTO atelier.homes SELECT md5('home' || n)::uuid, (100 + n) || ' Larkspur Way', (95000 + n)::text
  FROM generate_series(1, 40) AS n;
INSERT INTO atelier.members SELECT md5('member' || n)::uuid,
       CASE n WHEN 7 THEN 'ilse.tannpike@example.org' ELSE 'member' || n || '@example.net' END,
       timestamptz '2024-05-01 09:00+00',
       CASE n WHEN 7 THEN 'Ilse Tannpike' ELSE 'Member Number ' || n END,
       '+1 (530) 555-01' || lpad(n::text, 2, '0'), md5('home' || CASE n WHEN 8 THEN 7 ELSE n END)::uuid
  FROM generate_series(1, 40) AS n;
INSERT INTO atelier.visits SELECT md5('visit' || n || '.' || j)::uuid, md5('member' || n)::uuid,
       'Seen by the clerk', timestamptz '2026-01-10 15:00+00' - make_interval(days => n * j)
  FROM generate_series(1, 40) AS n, generate_series(1, 5) AS j;
INSERT INTO atelier.bills SELECT 'B-' || n || '-' || j, md5('member' || n)::uuid,
       CASE n WHEN 7 THEN 'ilse.tannpike@example.org' ELSE 'member' || n || '@example.net' END,
       CASE j WHEN 1 THEN date '2017-04-02' ELSE date '2025-04-02' END, 40
  FROM generate_series(1, 40) AS n, generate_series(1, 2) AS j;
INSERT INTO atelier.sayings SELECT md5('saying' || n)::uuid, m.member_id, m.called,
       'Write to me at ' || m.mail || ' about the loom.'
  FROM generate_series(1, 40) AS n JOIN atelier.members AS m ON m.member_id = md5('member' || n)::uuid;
