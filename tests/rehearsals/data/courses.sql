-- A course platform: learners are known by a number, by a user name and by an address that two
-- rooms spell in two ways; what they wrote is free text and JSON.
CREATE TABLE learners (
    id bigint PRIMARY KEY,
    username varchar(40) NOT NULL UNIQUE,
    email varchar(120) NOT NULL,
    email_since timestamptz NOT NULL,
    full_name text NOT NULL,
    phone varchar(40),
    drafts bigint[]
);
CREATE INDEX ON learners (lower(email));
CREATE INDEX ON learners USING gin (drafts);
CREATE TABLE drafts (id bigint PRIMARY KEY, body text NOT NULL);
CREATE TABLE page_views (id bigint PRIMARY KEY, seen jsonb NOT NULL);
CREATE INDEX ON page_views ((seen #>> '{user,id}'));
CREATE TABLE study_groups (id bigint PRIMARY KEY, people jsonb NOT NULL);
CREATE INDEX ON study_groups USING gin (people);
CREATE TABLE courses (code text PRIMARY KEY, title text NOT NULL);
CREATE TABLE enrollments (
    course text REFERENCES courses (code),
    learner bigint REFERENCES learners (id),
    enrolled_on date NOT NULL,
    PRIMARY KEY (course, learner)
);
CREATE INDEX ON enrollments (learner);
CREATE TABLE module_marks (
    course text,
    learner bigint,
    module smallint,
    mark smallint,
    PRIMARY KEY (course, learner, module),
    FOREIGN KEY (course, learner) REFERENCES enrollments (course, learner) ON DELETE CASCADE
);
CREATE INDEX ON module_marks (learner);
CREATE TABLE posts (
    id bigint PRIMARY KEY,
    username varchar(40),
    thread int NOT NULL,
    shown_as text,
    body text NOT NULL
);
CREATE INDEX ON posts (username);
CREATE TABLE submissions (
    id uuid PRIMARY KEY,
    username varchar(40) NOT NULL,
    answer jsonb NOT NULL
);
CREATE INDEX ON submissions (username);
CREATE TABLE certificates (
    no text PRIMARY KEY,
    holder_email varchar(120) NOT NULL,
    printed_name text NOT NULL
);
CREATE INDEX ON certificates (lower(holder_email));
CREATE TABLE newsletter (email varchar(120) PRIMARY KEY, joined_on date);
CREATE INDEX ON newsletter (lower(email));
CREATE TABLE events (
    id bigint PRIMARY KEY,
    learner bigint REFERENCES learners (id),
    name varchar(30) NOT NULL,
    payload jsonb,
    device json
);
CREATE INDEX ON events (learner);
CREATE TABLE tutor_notes (
    id bigint PRIMARY KEY,
    learner bigint,
    note text NOT NULL,
    tags text[]
);
CREATE INDEX ON tutor_notes (learner);

INSERT INTO courses SELECT 'C' || g, 'Course ' || g FROM generate_series(1, 6) g;
INSERT INTO learners SELECT g, 'student' || g, 'Student' || g || '@Example.net', '2024-03-01Z',
    'Student Number ' || g, '+1 707 555 ' || lpad(g::text, 4, '0') FROM generate_series(5, 40) g;
-- Ann, and three who are almost she
INSERT INTO learners VALUES
    (1, 'ann', 'Ann.Tresco@Example.org', '2024-03-01Z', 'Ann Tresco', '+1 (415) 555-0191'),
    (2, 'joann', 'joann.tresco@example.org', '2024-03-01Z', 'Joann Trescott', '+1 415 555 0199'),
    (3, 'Ann', 'ann.tresco@example.org.test', '2024-03-01Z', 'Annette Tresc', NULL),
    (4, '', 'nobody@example.test', '2024-03-01Z', 'No Name', NULL);
INSERT INTO enrollments SELECT 'C' || c, id, date '2025-01-01' + c
    FROM learners, generate_series(1, 3) c WHERE id <= 20;
INSERT INTO module_marks SELECT course, learner, m, 60 + m FROM enrollments, generate_series(1, 3) m;
INSERT INTO posts SELECT row_number() OVER (ORDER BY id, t), username, t, full_name,
    'Hello, ' || full_name || ' here (' || lower(email) || ').' FROM learners, generate_series(1, 2) t;
INSERT INTO posts VALUES (900, NULL, 7, NULL, 'A post of nobody'), (901, '', 7, NULL, 'By nobody'),
    (902, 'ann', 8, 'Ann Tresco', E'joann and I:\n"ANN TRESCO" <ann.tresco@EXAMPLE.org>, 415.555.0191');
INSERT INTO submissions SELECT md5('s' || id || '.' || j)::uuid, username,
    jsonb_build_object('by', full_name, 'mail', email, 'text', 'my answer ' || j)
    FROM learners, generate_series(1, 2) j;
INSERT INTO certificates SELECT 'N-' || id || '-' || j, CASE j WHEN 1 THEN upper(email) ELSE lower(email) END,
    full_name FROM learners, generate_series(1, 2) j WHERE id <= 10;
INSERT INTO newsletter SELECT lower(email), date '2025-05-05' FROM learners WHERE id <= 30;
INSERT INTO newsletter VALUES ('ANN.TRESCO@example.ORG', '2025-06-06'), ('friend@example.test', NULL);
INSERT INTO events SELECT row_number() OVER (ORDER BY id, j), id, 'opened',
    jsonb_build_object('user', jsonb_build_object('name', full_name, 'mail', email), 'n', j,
                       'seen', jsonb_build_array(username || ' ' || upper(email), 'joann')),
    json_build_object('owner', full_name) FROM learners, generate_series(1, 3) j WHERE id <= 20;
INSERT INTO events VALUES (900, NULL, 'opened', '{"user": null}', NULL);
INSERT INTO tutor_notes SELECT id, id, 'Called ' || full_name || ' on ' || coalesce(phone, 'no phone') ||
    ', wrote to ' || upper(email) || '; joann sat beside.', ARRAY['late', full_name] FROM learners WHERE id < 15;
-- Keys in JSON and in lists, as numbers and as texts, and what looks like one and is none
INSERT INTO drafts SELECT id * 10, 'A draft of ' || full_name FROM learners WHERE id <= 20;
UPDATE learners SET drafts = ARRAY[id * 10, 7777] WHERE id <= 20;
INSERT INTO page_views SELECT id * 10 + j, jsonb_build_object('page', '/c' || j, 'user',
    jsonb_build_object('id', CASE j WHEN 1 THEN to_jsonb(id) ELSE to_jsonb(id::text) END))
    FROM learners, generate_series(1, 2) j WHERE id <= 20;
INSERT INTO page_views VALUES (901, '{"user": {"id": null}}'), (902, '{"user": {"id": "01"}}'),
    (903, '{"user": [1]}'), (904, '{"user": {"id": [1]}}'), (905, '{"user": {"id": ""}}'), (906, '1');
INSERT INTO study_groups SELECT id, jsonb_build_object('people', jsonb_build_array(
    jsonb_build_object('username', username, 'role', 'lead'))) FROM learners WHERE id <= 20;
INSERT INTO study_groups VALUES (901, '{"people": {"username": "ann"}}'), (902, '{"people": ["ann"]}'),
    (903, '{"people": [{"username": "student30", "role": "lead"}, {"username": "student31"}, null]}');
