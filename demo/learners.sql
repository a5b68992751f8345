-- The learner database of Quillmere Learning, the demo's online-course company.
CREATE TABLE courses (
    id bigint PRIMARY KEY,
    title text NOT NULL,
    price numeric(10, 2) NOT NULL
);
CREATE TABLE addresses (
    id bigint PRIMARY KEY,
    street text,
    city text,
    postal_code text,
    country text NOT NULL DEFAULT 'US'
);
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    email_changed_at timestamptz,
    full_name text NOT NULL,
    phone text,
    password_hash text NOT NULL,
    locale text NOT NULL DEFAULT 'en',
    address_id bigint REFERENCES addresses (id),
    created_at timestamptz NOT NULL
);
CREATE TABLE profiles (
    account_id bigint PRIMARY KEY REFERENCES accounts (id),
    display_name text,
    biography text,
    employer text,
    birth_year smallint,
    inferred_interest text
);
CREATE TABLE enrolments (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id),
    course_id bigint NOT NULL REFERENCES courses (id),
    started_on date NOT NULL,
    completed_on date
);
CREATE TABLE progress (
    account_id bigint NOT NULL REFERENCES accounts (id),
    course_id bigint NOT NULL REFERENCES courses (id),
    lessons_done integer NOT NULL,
    last_seen_at timestamptz,
    PRIMARY KEY (account_id, course_id)
);
CREATE TABLE grades (
    id bigint PRIMARY KEY,
    enrolment_id bigint NOT NULL REFERENCES enrolments (id),
    item text NOT NULL,
    score numeric(5, 2) NOT NULL,
    comment text
);
CREATE TABLE certificates (
    id uuid PRIMARY KEY,
    enrolment_id bigint NOT NULL REFERENCES enrolments (id),
    name_printed text NOT NULL,
    issued_on date NOT NULL
);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    number text NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES accounts (id),
    placed_at timestamptz NOT NULL,
    total numeric(10, 2) NOT NULL
);
CREATE TABLE payments (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    card_brand text NOT NULL,
    card_last4 text NOT NULL,
    paid_at timestamptz NOT NULL,
    amount numeric(10, 2) NOT NULL
);
CREATE TABLE refunds (
    id bigint PRIMARY KEY,
    payment_id bigint NOT NULL REFERENCES payments (id),
    reason text,
    refunded_at timestamptz NOT NULL,
    amount numeric(10, 2) NOT NULL
);
-- The accountants' copy: it outlives the account, so no foreign key leads out of it.
CREATE TABLE invoices (
    number text PRIMARY KEY,
    account_no bigint NOT NULL,
    order_number text NOT NULL,
    billing_name text NOT NULL,
    billing_email text NOT NULL,
    billing_address text,
    issued_on date NOT NULL,
    total numeric(10, 2) NOT NULL,
    legal_hold boolean NOT NULL DEFAULT false
);
CREATE TABLE forum_threads (
    id bigint PRIMARY KEY,
    course_id bigint NOT NULL REFERENCES courses (id),
    title text NOT NULL
);
CREATE TABLE forum_posts (
    id bigint PRIMARY KEY,
    thread_id bigint NOT NULL REFERENCES forum_threads (id),
    author_id bigint REFERENCES accounts (id),
    author_name text,
    body text NOT NULL,
    posted_at timestamptz NOT NULL
);
CREATE TABLE support_tickets (
    id bigint PRIMARY KEY,
    account_id bigint REFERENCES accounts (id),
    requester_email text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE TABLE activity_log (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id),
    seen_at timestamptz NOT NULL,
    ip inet NOT NULL,
    path text NOT NULL,
    detail jsonb NOT NULL
);
CREATE TABLE newsletter (
    email text PRIMARY KEY,
    subscribed_at timestamptz NOT NULL,
    topics text NOT NULL
);
