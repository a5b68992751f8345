-- A shop of eleven tables: keys by number, by text and by e-mail address; nothing is declared as a
-- foreign key, so that only indexes lead from table to table. Rows: reference_rows.sql.
CREATE TABLE home (
    id bigint PRIMARY KEY, house int, street text, city text, region text, zip text
);
CREATE TABLE client (id bigint PRIMARY KEY, email text, name text, joined timestamptz, home_id bigint);
CREATE TABLE staff (id bigint PRIMARY KEY, email text, name text);
CREATE TABLE card (
    id text PRIMARY KEY, holder text, number bigint, code smallint, preferred boolean,
    client_id bigint, home_id bigint
);
CREATE TABLE purchase (id text PRIMARY KEY, client_id bigint, home_id bigint, card_id text);
CREATE TABLE goods (id bigint PRIMARY KEY, name text, about text, price numeric(8, 2));
CREATE TABLE purchase_line (
    purchase_id text, line int, goods_id bigint, quantity int, PRIMARY KEY (purchase_id, line)
);
CREATE TABLE sign_in (id bigint PRIMARY KEY, client_id bigint, at timestamptz);
CREATE TABLE page_view (id bigint PRIMARY KEY, email text, seen_at timestamptz);
CREATE TABLE help_ticket (
    id text PRIMARY KEY, email text, other_email text, opened date, closed date, staff_id bigint
);
CREATE TABLE letter (
    id bigint PRIMARY KEY, email text, name text, year int, month int, views int
);
