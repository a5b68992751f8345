-- Made after the rows are there, for speed.
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));
CREATE INDEX accounts_address ON accounts (address_id);
CREATE INDEX enrolments_account ON enrolments (account_id);
CREATE INDEX grades_enrolment ON grades (enrolment_id);
CREATE INDEX certificates_enrolment ON certificates (enrolment_id);
CREATE INDEX orders_account ON orders (account_id);
CREATE INDEX payments_order ON payments (order_id);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE INDEX invoices_account ON invoices (account_no);
CREATE INDEX invoices_email ON invoices (lower(billing_email));
CREATE INDEX posts_author ON forum_posts (author_id);
CREATE INDEX tickets_account ON support_tickets (account_id);
CREATE INDEX tickets_email ON support_tickets (lower(requester_email));
CREATE INDEX activity_account ON activity_log (account_id);
CREATE UNIQUE INDEX newsletter_email ON newsletter (lower(email));
