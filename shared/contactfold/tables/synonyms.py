"""What the columns of other systems' files are called: the one table of synonyms (CONTRACT 6).

A line has names of one thing. A column that goes by any of them is the first attribute of the schema that goes by any
of them, in the line's order. Names are compared without case, accents, digits and everything that is no letter, and
without what says no more than whose or which it is behind them (`(required)`, `(home)`, ` - Work`), so that
`E-mail 2 Address`, `e_mail_address` and `E-mail address (home)` are `emailaddress`.

What is not here is left out on purpose: the id of a row in another system (`Record ID`, `Contact ID`, `id`) is not
this one's customer id, a `Company Main Phone` or a `Fax` reaches an office and would make one person of all who share
it, and a `Website` is no visitor's mark.
"""

import re
import unicodedata

SYNONYMS = """
external_customer_id customer_id customer_number customer_no external_id client_id client_number kundennummer
first_name given_name forename christian_name fname billing_first_name vorname prenom nombre
last_name surname family_name lname second_name billing_last_name nachname familienname nom_de_famille
  apellido apellidos cognome
full_name name display_name contact_name
middle_name additional_name
email email_address e_mail e_mail_address mail primary_email email_primary work_email email_work business_email
  home_email email_home personal_email other_email alternate_email secondary_email additional_email
  email_value e_mail_value email_id billing_email customer_email contact_email person_email
  adresse_de_messagerie correo correo_electronico adresse_e_mail e_mail_adresse courriel
phone_number phone telephone telephone_number tel mobile mobile_phone mobile_number mobile_phone_number mobile_no
  cell cell_phone cell_number cellphone handphone primary_phone phone_primary work_phone phone_work business_phone
  home_phone phone_home other_phone car_phone phone_value phone_no sms sms_number contact_number telefon
  default_address_phone billing_phone customer_phone person_phone
  telefon_geschäftlich telefon_privat mobiltelefon autotelefon tel_mobile telephone_mobile
  telefonnummer handy handynummer mobil telefono movil celular portable
whatsapp whatsapp_number whatsapp_phone whatsapp_phone_number
facebook facebook_id facebook_username facebook_profile facebook_url
instagram instagram_handle instagram_username instagram_profile instagram_url
linkedin linkedin_url linkedin_profile linkedin_profile_url linked_in
twitter twitter_handle twitter_username twitter_profile twitter_url x_handle
telegram telegram_username telegram_handle telegram_id
viber viber_number
youtube youtube_channel youtube_url
city town locality mailing_city home_city business_city primary_city billing_city address_city person_city
  default_address_city ort_geschäftlich ort_privat ort stadt wohnort ville ciudad citta
country country_region country_or_region country_name mailing_country mailing_country_region home_country
  home_country_region business_country business_country_region primary_country address_country person_country
  default_address_country default_address_country_code billing_country country_code
  land_region_geschäftlich land_region_privat land pays pais paese
postal_code zip zip_code postcode post_code zip_postal_code mailing_zip_postal_code mailing_postal_code
  home_postal_code business_postal_code address_postal_code default_address_zip
  postleitzahl plz code_postal codigo_postal
state region province state_region state_province mailing_state mailing_state_province home_state business_state
  address_region address_state default_address_province_code bundesland
street address street_address address_line mailing_street home_street business_street address_street strasse rue
company company_name organization organisation organization_name organisation_name employer firm business_name
  associated_company primary_associated_company default_address_company billing_company
  firma unternehmen entreprise societe empresa azienda
title job_title position job_role role organization_title occupation funktion poste cargo
department organization_department abteilung
language preferred_language preferred_locale locale language_code sprache langue idioma lingua
date_of_birth birthday birth_date birthdate dob bday birth_day geburtsdatum geburtstag date_de_naissance
  fecha_de_nacimiento
labels label tags tag groups group_membership categories category kategorien segments keywords
website website_url web_page web_site homepage url website_value
gender sex
industry sector
notes note comments comment remarks
"""
"""A line for each thing; a line that is indented goes on with the one above it."""

_WHICH = "required|optional|[0-9]+|home|work|mobile|cell|iphone|private|personal|business|other|primary"
_BEHIND = re.compile(rf"\s*(?:\((?:{_WHICH})\)|\s[-\u2013]\s(?:{_WHICH}))\s*\Z", re.IGNORECASE)
_NO_LETTERS = re.compile(r"[\W\d_]+")


def fold_column(name: str) -> str:
    """What synonyms are compared by: letters alone, without case and accents."""
    bare = _BEHIND.sub("", name)
    if not bare.isascii():
        bare = "".join(one for one in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(one))
    return _NO_LETTERS.sub("", bare).casefold()


ADDRESSING, JOB = "title", "jobtitle"
"""A `Title` beside a `Job Title` is how somebody is addressed (`Dr.`), as Outlook has it. As columns are compared."""

LINES: dict[str, tuple[str, ...]] = {
    fold_column(name): names
    for names in (tuple(line.split()) for line in re.split(r"\n(?!\s)", SYNONYMS))
    for name in names
}
"""For each name, folded, the line it stands in."""
