"""The relay: one machine of a site that takes its hosts' reports and brings the receipts back.

It keeps what it is handed, forwards it over one outbound connection or in files, and is believed by
nobody: reports are signed by their hosts, receipts and notices by the server. What it loses, alters
or repeats costs time and is seen; nothing it holds is the only copy.
"""
